with kpis as (

    select * from {{ ref('stg_engagement_kpis') }}

),

final as (

    select
        {{ surrogate_key(['engagement_id']) }} as engagement_key,
        {{ surrogate_key(['client_id']) }} as client_key,
        {{ date_key('started_on') }} as start_date_key,
        started_on,
        ended_on,
        as_of_date,
        {{ text('currency', 8) }} as currency,
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
    from kpis

)

select * from final
