-- Which devices should have reported and did not?
select
    health.event_date,
    device.device_id,
    device.location,
    health.hours_silent
from marts.fct_device_health_daily as health
inner join marts.dim_device as device on health.device_key = device.device_key
where health.is_expected = 1 and health.hours_silent > 0
order by health.hours_silent desc, device.device_id
