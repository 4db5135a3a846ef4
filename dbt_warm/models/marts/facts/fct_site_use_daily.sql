{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    unique_key='event_date',
    on_schema_change='fail',
    meta={'lane': 'domain', 'moment': 'event_date', 'follows': 'site'},
) }}

with used as (

    select * from {{ ref('stg_site_use') }}
    {{ only_dates_to_build('event_date', 'domain', 'event_date', 'site') }}

),

sites as (

    select * from {{ ref('int_site_versions') }}

),

final as (

    select
        coalesce(sites.site_key, {{ unknown_key() }}) as site_key,
        used.date_key,
        used.event_date,
        {{ text('used.resource', 32) }} as resource,
        {{ text('used.unit', 32) }} as unit,
        used.amount,
        used.meter_count
    from used
    left join sites on used.site_id = sites.site_id and {{ as_of('sites', 'used.event_date') }}

)

select * from final
