with source as (

    select * from {{ source('staging', 'device_health_1d') }}

),

final as (

    select
        {{ exact_text('device_id', 256) }} as device_id,
        {{ date_key('event_date') }} as date_key,
        event_date,
        is_registered,
        is_expected,
        status,
        last_heartbeat_at,
        reading_count,
        watched_s,
        longest_silence_s,
        hours_silent,
        battery_last,
        battery_min,
        signal_avg,
        completeness,
        suspect_share
    from source

)

select * from final
