-- How much electricity, heat and water did each site use per month?
select
    site.name as site,
    day.month_start,
    used.resource,
    used.unit,
    sum(used.amount) as amount
from marts.fct_site_use_daily as used
inner join marts.dim_site as site on used.site_key = site.site_key
inner join marts.dim_date as day on used.date_key = day.date_key
group by site.name, day.month_start, used.resource, used.unit
order by site.name, day.month_start, used.resource
