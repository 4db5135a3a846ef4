with source as (

    select * from {{ ref('metric_catalogue') }}

),

final as (

    select
        {{ surrogate_key(['metric']) }} as metric_key,
        {{ exact_text('metric', 64) }} as metric,
        description,
        unit,
        lowest_value,
        highest_value,
        kind
    from source

)

select * from final
