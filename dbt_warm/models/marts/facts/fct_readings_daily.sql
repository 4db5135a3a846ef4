{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    unique_key='event_date',
    on_schema_change='fail',
    meta={'lane': 'readings', 'moment': 'event_date', 'follows': 'device'},
) }}

with readings as (

    select * from {{ ref('stg_readings_daily') }}
    {{ only_dates_to_build('event_date', 'readings', 'event_date', 'device') }}

),

devices as (

    select * from {{ ref('int_device_versions') }}

),

sites as (

    select * from {{ ref('int_site_versions') }}

),

metrics as (

    select * from {{ ref('stg_metrics') }}

),

final as (

    select
        coalesce(devices.device_key, {{ unknown_key() }}) as device_key,
        coalesce(sites.site_key, {{ unknown_key() }}) as site_key,
        coalesce(metrics.metric_key, {{ unknown_key() }}) as metric_key,
        readings.date_key,
        {{ text('readings.channel', 128) }} as channel,
        readings.event_date,
        readings.reading_count,
        readings.min_value,
        readings.max_value,
        readings.avg_value,
        readings.stdev_value,
        readings.first_value,
        readings.last_value,
        readings.expected_count,
        readings.completeness,
        readings.p05_value,
        readings.p50_value,
        readings.p95_value
    from readings
    left join devices
        on readings.device_id = devices.device_id and {{ as_of('devices', 'readings.window_start') }}
    left join sites
        on devices.site_id = sites.site_id and {{ as_of('sites', 'readings.window_start') }}
    left join metrics on readings.metric = metrics.metric

)

select * from final
