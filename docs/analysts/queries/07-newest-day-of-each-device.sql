-- When did each device send last, and how much has it sent?
select
    device_id,
    last_seen_date,
    active_days,
    metric_count
from marts.dim_device
where is_current = 1 and device_id <> ''
order by last_seen_date, device_id
