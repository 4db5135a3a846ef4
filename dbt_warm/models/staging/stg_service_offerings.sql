with source as (

    select * from {{ source('staging', 'service_offering') }}

),

final as (

    select
        {{ exact_text('service_offering_id', 64) }} as service_offering_id,
        name,
        category,
        unit_price,
        currency,
        billing_unit,
        valid_from,
        valid_to
    from source

)

select * from final
