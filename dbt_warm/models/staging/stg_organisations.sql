with source as (

    select * from {{ source('staging', 'trust') }}

),

final as (

    select
        {{ exact_text('organisation_code', 64) }} as organisation_code,
        name,
        region,
        valid_from,
        valid_to
    from source

)

select * from final
