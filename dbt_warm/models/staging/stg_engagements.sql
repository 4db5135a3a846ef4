with source as (

    select * from {{ source('staging', 'engagement') }}

),

final as (

    select
        {{ exact_text('engagement_id', 64) }} as engagement_id,
        {{ exact_text('client_id', 64) }} as client_id,
        {{ exact_text('service_offering_id', 64) }} as service_offering_id,
        name,
        status,
        started_on,
        ended_on,
        valid_from,
        valid_to
    from source

)

select * from final
