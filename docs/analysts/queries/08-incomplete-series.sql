-- Which series lacked more than a tenth of their readings, or had all of them, on each day?
select
    fact.event_date,
    device.device_id,
    metric.metric,
    fact.completeness,
    case when fact.completeness < 0.9 then 'incomplete' else 'complete' end as verdict
from marts.fct_readings_daily as fact
inner join marts.dim_device as device on fact.device_key = device.device_key
inner join marts.dim_metric as metric on fact.metric_key = metric.metric_key
where fact.completeness is not null
order by fact.completeness, fact.event_date, device.device_id
