-- What does a usual day look like, hour by hour?
select
    metric.metric,
    fact.hour_of_day,
    sum(fact.avg_value * fact.reading_count) / sum(fact.reading_count) as avg_value,
    sum(fact.reading_count) as readings
from marts.fct_readings_hourly as fact
inner join marts.dim_metric as metric on fact.metric_key = metric.metric_key
group by metric.metric, fact.hour_of_day
order by metric.metric, fact.hour_of_day
