-- What share of what arrived was refused, per mapping and day?
select
    enqueued_date,
    mapping_id,
    sum(row_count) as row_count,
    1.0 * sum(case when outcome = 'quarantined' then row_count else 0 end) / sum(row_count) as refused_share
from marts.fct_data_quality_daily
group by enqueued_date, mapping_id
order by refused_share desc, enqueued_date
