{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    unique_key='event_date',
    on_schema_change='fail',
    meta={'lane': 'readings'},
) }}

with readings as (

    select * from {{ ref('stg_readings_daily') }}
    {{ only_dates_to_build('event_date', 'readings') }}

),

final as (

    select
        device_key,
        metric_key,
        date_key,
        cast(channel as varchar(128)) as channel,
        event_date,
        reading_count,
        min_value,
        max_value,
        avg_value,
        stdev_value,
        first_value,
        last_value,
        expected_count,
        completeness
    from readings

)

select * from final
