with source as (

    select * from {{ source('staging', 'readings_1h') }}

),

final as (

    select
        ---- keys
        {{ surrogate_key(['device_id']) }} as device_key,
        {{ surrogate_key(['metric']) }} as metric_key,
        {{ date_key('event_date') }} as date_key,

        ---- names
        device_id,
        metric,
        channel,
        unit,

        ---- times
        event_date,
        window_start,

        ---- numbers
        reading_count,
        min_value,
        max_value,
        avg_value,
        stdev_value,
        first_value,
        last_value,
        expected_count,
        completeness

    from source

)

select * from final
