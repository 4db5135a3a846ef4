{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    unique_key='event_date',
    on_schema_change='fail',
    meta={'lane': 'domain', 'moment': 'event_date', 'follows': 'device'},
) }}

with health as (

    select * from {{ ref('stg_device_health') }}
    {{ only_dates_to_build('event_date', 'domain', 'event_date', 'device') }}

),

devices as (

    select * from {{ ref('int_device_versions') }}

),

sites as (

    select * from {{ ref('int_site_versions') }}

),

final as (

    select
        coalesce(devices.device_key, {{ unknown_key() }}) as device_key,
        coalesce(sites.site_key, {{ unknown_key() }}) as site_key,
        health.date_key,
        health.event_date,
        {{ text('health.status', 32) }} as status,
        health.is_expected,
        health.last_heartbeat_at,
        health.reading_count,
        health.watched_s,
        health.longest_silence_s,
        health.hours_silent,
        health.battery_last,
        health.battery_min,
        health.signal_avg,
        health.completeness,
        health.suspect_share
    from health
    left join devices
        on health.device_id = devices.device_id and {{ as_of('devices', 'health.event_date') }}
    left join sites
        on devices.site_id = sites.site_id and {{ as_of('sites', 'health.event_date') }}

)

select * from final
