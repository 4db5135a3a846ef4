-- How many alerts are there per day, kind and severity?
select
    event_date,
    alert_type,
    severity,
    count(*) as alerts,
    sum(hours_affected) as hours_affected
from marts.fct_alerts_daily
group by event_date, alert_type, severity
order by event_date, alert_type, severity
