with devices as (

    select * from {{ ref('int_devices_seen') }}

),

final as (

    select
        device_key,
        cast(device_id as varchar(256)) as device_id,
        cast(source as varchar(128)) as source,
        cast(native_id as varchar(256)) as native_id,
        first_seen_date,
        last_seen_date,
        cast(active_days as integer) as active_days,
        cast(metric_count as integer) as metric_count,
        cast(reading_count as bigint) as reading_count
    from devices

)

select * from final
