with source as (

    select * from {{ source('staging', 'site') }}

),

final as (

    select
        ---- keys
        {{ exact_text('site_id', 128) }} as site_id,
        {{ exact_text('organisation_code', 64) }} as organisation_code,
        site_code,

        ---- names
        name,
        site_type,

        ---- numbers
        is_aggregate,

        ---- times
        valid_from,
        valid_to

    from source

)

select * from final
