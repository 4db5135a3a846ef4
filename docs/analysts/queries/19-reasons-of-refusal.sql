-- Why was it refused, most frequent reason first?
select
    reason,
    mapping_id,
    sum(row_count) as row_count,
    rank() over (order by sum(row_count) desc) as place
from marts.fct_data_quality_daily
where outcome = 'quarantined'
group by reason, mapping_id
order by place
