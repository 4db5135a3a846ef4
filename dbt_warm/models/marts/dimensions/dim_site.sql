with versions as (

    select * from {{ ref('int_site_versions') }}

),

organisations as (

    select * from {{ ref('stg_organisations') }}
    where valid_to is null

),

sites as (

    select
        versions.site_key,
        versions.site_id,
        versions.is_registered,
        versions.site_code,
        -- Of one collation with the id, which stands in for it.
        {{ exact_text('versions.name', 800) }} as name,
        versions.site_type,
        versions.is_aggregate,
        versions.organisation_code,
        organisations.name as organisation_name,
        organisations.region,
        versions.valid_from,
        versions.valid_to
    from versions
    left join organisations on versions.organisation_code = organisations.organisation_code
    union all
    select
        {{ unknown_key() }} as site_key,
        '' as site_id,
        {{ flag('1 = 0') }} as is_registered,
        null as site_code,
        null as name,
        null as site_type,
        null as is_aggregate,
        null as organisation_code,
        null as organisation_name,
        null as region,
        {{ beginning_of_time() }} as valid_from,
        {{ end_of_time() }} as valid_to

),

final as (

    select
        site_key,
        {{ text('site_id', 128) }} as site_id,
        is_registered,
        {{ text('site_code', 64) }} as site_code,
        {{ text("coalesce(name, case when site_id = '' then 'Unknown' else site_id end)", 256) }} as name,
        {{ text('site_type', 128) }} as site_type,
        is_aggregate,
        {{ text('organisation_code', 64) }} as organisation_code,
        {{ text('organisation_name', 256) }} as organisation_name,
        {{ text('region', 128) }} as region,
        valid_from,
        valid_to,
        {{ flag('valid_to = ' ~ end_of_time()) }} as is_current
    from sites

)

select * from final
