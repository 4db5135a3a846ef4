{%- set first_day = "cast('" ~ var('calendar_first_day') ~ "' as date)" -%}

with numbers as (

    {{ dbt.generate_series(var('calendar_days')) }}

),

days as (

    select cast({{ dbt.dateadd('day', 'generated_number - 1', first_day) }} as date) as calendar_date
    from numbers

),

weekdays as (

    select
        calendar_date,
        -- 1900-01-01 was a Monday; engines number weekdays by their own settings.
        cast({{ dbt.datediff("cast('1900-01-01' as date)", 'calendar_date', 'day') }} % 7 + 1 as integer) as weekday
    from days

),

final as (

    select
        calendar_date,
        weekday,
        -- A week belongs to the year its Thursday is in (ISO 8601).
        cast({{ dbt.dateadd('day', '4 - weekday', 'calendar_date') }} as date) as iso_thursday
    from weekdays

)

select * from final
