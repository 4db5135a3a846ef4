{{ config(
    materialized='incremental',
    incremental_strategy='replace_dates',
    unique_key='enqueued_date',
    on_schema_change='fail',
    meta={'lane': 'quality'},
) }}

with quality as (

    select * from {{ ref('stg_data_quality_daily') }}
    {{ only_dates_to_build('enqueued_date', 'quality') }}

),

final as (

    select
        date_key,
        enqueued_date,
        {{ text('mapping_id', 128) }} as mapping_id,
        {{ text('outcome', 16) }} as outcome,
        {{ text('reason', 64) }} as reason,
        row_count,
        event_count
    from quality

)

select * from final
