with readings as (

    select * from {{ ref('stg_readings_daily') }}

),

seen as (

    select
        device_id,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        count(distinct event_date) as active_days,
        count(distinct metric) as metric_count,
        sum(reading_count) as reading_count
    from readings
    group by device_id

)

select * from seen
