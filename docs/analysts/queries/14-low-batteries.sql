-- Whose battery should be changed next?
select
    device.device_id,
    min(health.battery_last) as battery_percent,
    max(health.event_date) as as_of
from marts.fct_device_health_daily as health
inner join marts.dim_device as device on health.device_key = device.device_key
where health.battery_last < 20
group by device.device_id
order by battery_percent
