with metrics as (

    select * from {{ ref('stg_metrics') }}
    union all
    select
        {{ unknown_key() }} as metric_key,
        '' as metric,
        'A metric that the catalogue does not know.' as description,
        '' as unit,
        null as lowest_value,
        null as highest_value,
        'gauge' as kind

),

final as (

    select
        metric_key,
        {{ text('metric', 64) }} as metric,
        {{ text('description', 512) }} as description,
        {{ text('unit', 32) }} as unit,
        cast(lowest_value as double precision) as lowest_value,
        cast(highest_value as double precision) as highest_value,
        {{ text('kind', 16) }} as kind
    from metrics

)

select * from final
