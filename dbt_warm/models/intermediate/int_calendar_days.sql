{%- set first_day = "cast('" ~ var('calendar_first_day') ~ "' as date)" -%}

with digits as (

    select 0 as digit
    union all
    select 1 as digit
    union all
    select 2 as digit
    union all
    select 3 as digit
    union all
    select 4 as digit
    union all
    select 5 as digit
    union all
    select 6 as digit
    union all
    select 7 as digit
    union all
    select 8 as digit
    union all
    select 9 as digit

),

numbers as (

    select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit + 10000 * myriads.digit as nth
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as myriads

),

days as (

    select cast({{ dbt.dateadd('day', 'nth', first_day) }} as date) as calendar_date
    from numbers
    where nth < {{ var('calendar_days') }}

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
