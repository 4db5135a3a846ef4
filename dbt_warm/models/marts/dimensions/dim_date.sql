{%- set months = [
    'January', 'February', 'March', 'April', 'May', 'June',
    'July', 'August', 'September', 'October', 'November', 'December',
] -%}
{%- set weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] -%}

with days as (

    select * from {{ ref('int_calendar_days') }}

),

parts as (

    select
        calendar_date,
        weekday,
        {{ date_part('year', 'calendar_date') }} as calendar_year,
        {{ date_part('month', 'calendar_date') }} as month_of_year,
        {{ date_part('day', 'calendar_date') }} as day_of_month,
        {{ date_part('year', 'iso_thursday') }} as iso_year,
        cast({{ dbt.date_trunc('year', 'calendar_date') }} as date) as year_start,
        cast({{ dbt.date_trunc('month', 'calendar_date') }} as date) as month_start,
        {{ dbt.datediff(dbt.date_trunc('year', 'iso_thursday'), 'iso_thursday', 'day') }} as thursday_of_year
    from days

),

-- The National Health Service's year begins on 1 April and is named by the calendar year it begins in.
years as (

    select
        *,
        calendar_year - case when month_of_year < 4 then 1 else 0 end as fiscal_year,
        (month_of_year + 8) % 12 + 1 as fiscal_month
    from parts

),

final as (

    select
        {{ date_key('calendar_date') }} as date_key,
        calendar_date,
        calendar_year,
        cast(floor((month_of_year - 1) / 3) as integer) + 1 as quarter_of_year,
        month_of_year,
        {{ text(choose('month_of_year', months), 16) }} as month_name,
        month_start,
        day_of_month,
        cast({{ dbt.datediff('year_start', 'calendar_date', 'day') }} + 1 as integer) as day_of_year,
        iso_year,
        cast(floor(thursday_of_year / 7) as integer) + 1 as iso_week,
        weekday,
        {{ text(choose('weekday', weekdays), 16) }} as weekday_name,
        {{ flag('weekday >= 6') }} as is_weekend,
        fiscal_year,
        {{ text(dbt.concat([
            "'FY'",
            'cast(fiscal_year as varchar(4))',
            "'/'",
            dbt.right('cast(fiscal_year + 1 as varchar(4))', 2),
        ]), 16) }} as fiscal_year_name,
        cast(floor((fiscal_month - 1) / 3) as integer) + 1 as fiscal_quarter,
        {{ text(dbt.concat([
            "'FY'",
            'cast(fiscal_year as varchar(4))',
            "'/'",
            dbt.right('cast(fiscal_year + 1 as varchar(4))', 2),
            "' Q'",
            'cast(cast(floor((fiscal_month - 1) / 3) as integer) + 1 as varchar(1))',
        ]), 16) }} as fiscal_quarter_name,
        fiscal_month
    from years

)

select * from final
