with source as (

    select * from {{ source('staging', 'client') }}

),

final as (

    select
        {{ exact_text('client_id', 64) }} as client_id,
        name,
        sector,
        country,
        status,
        valid_from,
        valid_to
    from source

)

select * from final
