{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    unique_key='event_date',
    on_schema_change='fail',
    meta={'lane': 'domain', 'moment': 'event_date', 'follows': 'device'},
) }}

with silences as (

    select
        device_id,
        date_key,
        event_date,
        'silence' as alert_type,
        'device.silent' as code,
        case when status = 'silent' then 'critical' else 'warning' end as severity,
        'The device was to report and did not.' as message,
        hours_silent as hours_affected
    from {{ ref('stg_device_health') }}
    where status = 'silent' or ({{ is_true('is_expected') }} and hours_silent >= {{ var('silence_hours') }})

),

faults as (

    select
        device_id,
        date_key,
        event_date,
        'fault' as alert_type,
        code,
        severity,
        message,
        hours_in_fault as hours_affected
    from {{ ref('stg_fault_indicators') }}
    where {{ is_true('is_fault') }}

),

every as (

    select * from silences
    union all
    select * from faults

),

alerts as (

    select * from every
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
        alerts.date_key,
        alerts.event_date,
        {{ text('alerts.alert_type', 16) }} as alert_type,
        {{ text('alerts.code', 64) }} as code,
        {{ text('alerts.severity', 16) }} as severity,
        {{ text('alerts.message', 512) }} as message,
        cast(alerts.hours_affected as double precision) as hours_affected
    from alerts
    left join devices
        on alerts.device_id = devices.device_id and {{ as_of('devices', 'alerts.event_date') }}
    left join sites
        on devices.site_id = sites.site_id and {{ as_of('sites', 'alerts.event_date') }}

)

select * from final
