with metrics as (

    select * from {{ ref('stg_metrics') }}

),

final as (

    select
        metric_key,
        cast(metric as varchar(64)) as metric,
        cast(description as varchar(512)) as description,
        cast(unit as varchar(32)) as unit,
        cast(lowest_value as double precision) as lowest_value,
        cast(highest_value as double precision) as highest_value,
        cast(kind as varchar(16)) as kind
    from metrics

)

select * from final
