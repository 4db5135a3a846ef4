with source as (

    select * from {{ source('staging', 'engagement_kpis') }}

),

final as (

    select
        {{ exact_text('engagement_id', 64) }} as engagement_id,
        {{ exact_text('client_id', 64) }} as client_id,
        status,
        currency,
        started_on,
        ended_on,
        as_of_date,
        duration_days,
        budget,
        actual_cost,
        revenue,
        budget_variance,
        budget_variance_share,
        revenue_margin,
        variance_score,
        margin_score,
        is_anomaly
    from source

)

select * from final
