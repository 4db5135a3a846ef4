with source as (

    select * from {{ source('staging', 'readings_1d') }}

),

final as (

    select
        ---- keys
        {{ exact_text('device_id', 256) }} as device_id,
        {{ exact_text('metric', 64) }} as metric,
        channel,
        {{ date_key('event_date') }} as date_key,

        ---- names
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
        completeness,
        p05_value,
        p50_value,
        p95_value

    from source

)

select * from final
