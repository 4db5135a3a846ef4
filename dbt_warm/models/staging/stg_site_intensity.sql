with source as (

    select * from {{ source('staging', 'site_intensity') }}

),

years as (

    select
        *,
        cast({{ dbt.concat(['cast(return_year + 1 as varchar(4))', "'-03-31'"]) }} as date) as year_ends_on
    from source

),

final as (

    select
        {{ exact_text('site_id', 128) }} as site_id,
        {{ date_key('year_ends_on') }} as date_key,
        year_ends_on,
        return_year,
        resource,
        unit,
        floor_area,
        floor_area_year,
        measured_amount,
        measured_days,
        days_in_year,
        measured_per_m2,
        reported_amount,
        reported_per_m2,
        measured_to_reported
    from years

)

select * from final
