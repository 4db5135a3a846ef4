with source as (

    select * from {{ source('staging', 'site_comfort_1d') }}

),

final as (

    select
        {{ exact_text('site_id', 128) }} as site_id,
        {{ exact_text('metric', 64) }} as metric,
        {{ date_key('local_date') }} as date_key,
        local_date,
        time_zone,
        hours_in_day,
        low,
        high,
        unit,
        hours_known,
        hours_comfortable,
        hours_below,
        hours_above,
        comfort_share,
        device_hours_known,
        device_hours_comfortable
    from source

)

select * from final
