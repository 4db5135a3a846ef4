-- Where did each device stand, and from when to when?
select
    device.device_id,
    device.valid_from,
    device.valid_to,
    device.is_registered,
    site.name as site
from marts.dim_device as device
left join marts.dim_site as site on device.site_id = site.site_id and site.is_current = 1
where device.device_id <> ''
order by device.device_id, device.valid_from
