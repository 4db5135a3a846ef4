with source as (

    select * from {{ source('staging', 'asset') }}

),

final as (

    select
        {{ exact_text('asset_id', 128) }} as asset_id,
        name,
        asset_type,
        valid_from,
        valid_to
    from source

)

select * from final
