{{ config(
    materialized='incremental',
    incremental_strategy='replace_whole',
    on_schema_change='fail',
    meta={'lane': 'domain'},
) }}

with intensity as (

    select * from {{ ref('stg_site_intensity') }}
    {{ only_if_whole_is_due('domain') }}

),

sites as (

    select * from {{ ref('int_site_versions') }}

),

final as (

    select
        coalesce(sites.site_key, {{ unknown_key() }}) as site_key,
        intensity.date_key,
        intensity.return_year,
        {{ text('intensity.resource', 32) }} as resource,
        {{ text('intensity.unit', 32) }} as unit,
        intensity.floor_area,
        intensity.floor_area_year,
        intensity.measured_amount,
        intensity.measured_days,
        intensity.days_in_year,
        intensity.measured_per_m2,
        intensity.reported_amount,
        intensity.reported_per_m2,
        intensity.measured_to_reported
    from intensity
    left join sites on intensity.site_id = sites.site_id and {{ as_of('sites', 'intensity.year_ends_on') }}

)

select * from final
