-- Is it warmer on weekdays than at weekends?
select
    day.is_weekend,
    sum(fact.avg_value * fact.reading_count) / sum(fact.reading_count) as avg_degc
from marts.fct_readings_daily as fact
inner join marts.dim_date as day on fact.date_key = day.date_key
inner join marts.dim_metric as metric on fact.metric_key = metric.metric_key
where metric.metric = 'air_temperature'
group by day.is_weekend
