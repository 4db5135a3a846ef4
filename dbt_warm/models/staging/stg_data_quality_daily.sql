with source as (

    select * from {{ source('staging', 'data_quality_1d') }}

),

final as (

    select
        ---- keys
        {{ date_key('enqueued_date') }} as date_key,

        ---- names
        mapping_id,
        outcome,
        reason,

        ---- times
        enqueued_date,

        ---- numbers
        row_count,
        event_count

    from source

)

select * from final
