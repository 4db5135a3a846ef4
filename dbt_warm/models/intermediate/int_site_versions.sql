{{ config(
    materialized='table',
    indexes=[{'columns': ['site_id', 'valid_from'], 'type': 'clustered'}] if target.type == 'sqlserver' else [],
) }}

with registered as (

    select * from {{ ref('stg_sites') }}

),

named as (

    select site_id from registered
    union
    select site_id from {{ ref('stg_devices') }}
    union
    select site_id from {{ ref('stg_site_comfort') }}
    union
    select site_id from {{ ref('stg_site_use') }}
    union
    select site_id from {{ ref('stg_site_intensity') }}

),

known as (

    select site_id from named
    where site_id <> '' -- nor null: devices that stand nowhere

),

gaps as (

    {{ version_gaps('known', 'registered', 'site_id') }}

),

periods as (

    select
        site_id,
        valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to,
        1 as registered
    from registered
    union all
    select
        site_id,
        valid_from,
        valid_to,
        0 as registered
    from gaps

),

final as (

    select
        {{ surrogate_key(['periods.site_id', timestamp_text('periods.valid_from')]) }} as site_key,
        periods.site_id,
        {{ flag('periods.registered = 1') }} as is_registered,
        registered.organisation_code,
        registered.site_code,
        registered.name,
        registered.site_type,
        registered.is_aggregate,
        periods.valid_from,
        periods.valid_to
    from periods
    left join registered
        on
            periods.site_id = registered.site_id
            and periods.valid_from = registered.valid_from
            and periods.registered = 1
    where periods.valid_from < periods.valid_to

)

select * from final
