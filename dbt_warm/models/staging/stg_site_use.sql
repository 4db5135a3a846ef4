with source as (

    select * from {{ source('staging', 'site_use_1d') }}

),

final as (

    select
        {{ exact_text('site_id', 128) }} as site_id,
        {{ date_key('event_date') }} as date_key,
        event_date,
        resource,
        unit,
        amount,
        meter_count
    from source

)

select * from final
