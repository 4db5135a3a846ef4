with source as (

    select * from {{ source('staging', 'fault_indicators_1d') }}

),

final as (

    select
        {{ exact_text('device_id', 256) }} as device_id,
        {{ date_key('event_date') }} as date_key,
        event_date,
        code,
        severity,
        message,
        hours_judged,
        hours_in_fault,
        is_fault
    from source

)

select * from final
