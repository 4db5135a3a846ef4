with readings as (

    select * from {{ ref('stg_readings_daily') }}

),

seen as (

    select
        device_key,
        device_id,
        {{ dbt.position("':'", "device_id") }} as separator_at,
        min(event_date) as first_seen_date,
        max(event_date) as last_seen_date,
        count(distinct event_date) as active_days,
        count(distinct metric) as metric_count,
        sum(reading_count) as reading_count
    from readings
    group by device_key, device_id

),

final as (

    select
        device_key,
        device_id,
        -- The identity is `<source>:<native id>`, and a native id may hold a colon of its own.
        substring(device_id, 1, separator_at - 1) as source,
        substring(device_id, separator_at + 1, 256) as native_id,
        first_seen_date,
        last_seen_date,
        active_days,
        metric_count,
        reading_count
    from seen

)

select * from final
