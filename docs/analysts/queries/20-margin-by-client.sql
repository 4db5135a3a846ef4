-- What margin does each client bring, and what is overspent?
select
    client.name as client,
    fact.currency,
    count(*) as engagements,
    sum(fact.revenue) as revenue,
    -- Of what is costed: revenue whose cost is not known is no margin.
    sum(fact.revenue - fact.actual_cost)
    / nullif(sum(case when fact.actual_cost is not null then fact.revenue end), 0) as margin,
    sum(case when fact.budget_variance > 0 then fact.budget_variance else 0 end) as overspent
from marts.fct_engagement as fact
inner join marts.dim_client as client on fact.client_key = client.client_key
inner join marts.dim_engagement as engagement on fact.engagement_key = engagement.engagement_key
group by client.name, fact.currency
having sum(fact.revenue) > 0
order by margin
