{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    unique_key='local_date',
    on_schema_change='fail',
    meta={'lane': 'domain', 'moment': 'local_date', 'follows': 'site'},
) }}

with comfort as (

    select * from {{ ref('stg_site_comfort') }}
    {{ only_dates_to_build('local_date', 'domain', 'local_date', 'site') }}

),

sites as (

    select * from {{ ref('int_site_versions') }}

),

metrics as (

    select * from {{ ref('stg_metrics') }}

),

final as (

    select
        coalesce(sites.site_key, {{ unknown_key() }}) as site_key,
        coalesce(metrics.metric_key, {{ unknown_key() }}) as metric_key,
        comfort.date_key,
        comfort.local_date,
        {{ text('comfort.time_zone', 64) }} as time_zone,
        comfort.hours_in_day,
        comfort.low as low_limit,
        comfort.high as high_limit,
        comfort.hours_known,
        comfort.hours_comfortable,
        comfort.hours_below,
        comfort.hours_above,
        comfort.comfort_share,
        comfort.device_hours_known,
        comfort.device_hours_comfortable
    from comfort
    left join sites on comfort.site_id = sites.site_id and {{ as_of('sites', 'comfort.local_date') }}
    left join metrics on comfort.metric = metrics.metric

)

select * from final
