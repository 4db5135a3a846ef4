{{ config(
    materialized='table',
    indexes=[{'columns': ['device_id', 'valid_from'], 'type': 'clustered'}] if target.type == 'sqlserver' else [],
) }}

with registered as (

    select * from {{ ref('stg_devices') }}

),

known as (

    select device_id from registered
    union
    select device_id from {{ ref('int_devices_seen') }}
    union
    select device_id from {{ ref('stg_device_health') }}
    union
    select device_id from {{ ref('stg_fault_indicators') }}

),

gaps as (

    {{ version_gaps('known', 'registered', 'device_id') }}

),

periods as (

    select
        device_id,
        valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to,
        1 as registered
    from registered
    union all
    select
        device_id,
        valid_from,
        valid_to,
        0 as registered
    from gaps

),

final as (

    select
        {{ surrogate_key(['periods.device_id', timestamp_text('periods.valid_from')]) }} as device_key,
        periods.device_id,
        {{ flag('periods.registered = 1') }} as is_registered,
        registered.asset_id,
        registered.site_id,
        registered.model,
        registered.location,
        registered.floor,
        registered.status,
        registered.latitude,
        registered.longitude,
        registered.installed_on,
        registered.expected_to_report,
        registered.interval_s,
        periods.valid_from,
        periods.valid_to
    from periods
    left join registered
        on
            periods.device_id = registered.device_id
            and periods.valid_from = registered.valid_from
            and periods.registered = 1
    where periods.valid_from < periods.valid_to

)

select * from final
