-- How warm was it at each site on each day?
select
    site.name as site,
    fact.event_date,
    sum(fact.avg_value * fact.reading_count) / sum(fact.reading_count) as avg_degc,
    min(fact.min_value) as min_degc,
    max(fact.max_value) as max_degc
from marts.fct_readings_daily as fact
inner join marts.dim_site as site on fact.site_key = site.site_key
inner join marts.dim_metric as metric on fact.metric_key = metric.metric_key
where metric.metric = 'air_temperature'
group by site.name, fact.event_date
order by site.name, fact.event_date
