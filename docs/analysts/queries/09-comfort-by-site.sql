-- What share of the hours was comfortable at each site?
select
    site.name as site,
    metric.metric,
    sum(fact.hours_comfortable) / nullif(sum(fact.hours_known), 0) as comfort_share,
    sum(fact.hours_above) as hours_above,
    sum(fact.hours_below) as hours_below
from marts.fct_site_comfort_daily as fact
inner join marts.dim_site as site on fact.site_key = site.site_key
inner join marts.dim_metric as metric on fact.metric_key = metric.metric_key
group by site.name, metric.metric
having sum(fact.hours_known) > 0
order by comfort_share
