-- Which plant is in fault, where, and what does it point to?
select
    alert.event_date,
    site.name as site,
    device.device_id,
    alert.code,
    alert.message,
    alert.hours_affected
from marts.fct_alerts_daily as alert
inner join marts.dim_device as device on alert.device_key = device.device_key
inner join marts.dim_site as site on alert.site_key = site.site_key
where alert.alert_type = 'fault'
order by alert.event_date desc, alert.hours_affected desc
