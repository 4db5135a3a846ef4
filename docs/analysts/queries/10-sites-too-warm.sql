-- On which days was a site above its comfort band for an hour or more?
select
    fact.local_date,
    site.name as site,
    metric.metric,
    fact.high_limit,
    fact.hours_above
from marts.fct_site_comfort_daily as fact
inner join marts.dim_site as site on fact.site_key = site.site_key
inner join marts.dim_metric as metric on fact.metric_key = metric.metric_key
where fact.hours_above >= 1
order by fact.hours_above desc, site.name
