-- How many devices were in which state of health each day?
select
    event_date,
    status,
    count(*) as devices
from marts.fct_device_health_daily
group by event_date, status
order by event_date, status
