-- Which devices send and are in no register now?
select
    device_id,
    first_seen_date,
    last_seen_date,
    reading_count
from marts.dim_device
where is_current = 1 and is_registered = 0 and reading_count > 0
order by reading_count desc
