-- How many readings does each fiscal quarter have?
select
    day.fiscal_quarter_name,
    sum(fact.reading_count) as readings,
    count(distinct fact.device_key) as device_versions
from marts.fct_readings_daily as fact
inner join marts.dim_date as day on fact.date_key = day.date_key
group by day.fiscal_quarter_name
order by day.fiscal_quarter_name
