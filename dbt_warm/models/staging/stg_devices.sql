with source as (

    select * from {{ source('staging', 'iot_device') }}

),

final as (

    select
        ---- keys
        {{ exact_text('device_id', 256) }} as device_id,
        {{ exact_text('asset_id', 128) }} as asset_id,
        {{ exact_text('site_id', 128) }} as site_id,

        ---- names
        model,
        location,
        floor,
        status,

        ---- numbers
        latitude,
        longitude,
        interval_s,
        expected_to_report,

        ---- times
        installed_on,
        valid_from,
        valid_to

    from source

)

select * from final
