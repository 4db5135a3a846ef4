{#- Every key of a fact is found in its dimension: one query for all of them, because each test costs a run time. -#}
{% test leads_to(model, dimensions) %}
{%- for key, dimension in dimensions.items() %}
select
    '{{ key }}' as foreign_key,
    cast(fact.{{ key }} as varchar(64)) as leads_nowhere
from {{ model }} as fact
left join {{ ref(dimension) }} as dimension on fact.{{ key }} = dimension.{{ dimension | replace('dim_', '') }}_key
where dimension.{{ dimension | replace('dim_', '') }}_key is null
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
{% endtest %}
