{% test versions_without_gap_or_overlap(model, key) %}
with versions as (

    select
        {{ key }},
        valid_from,
        valid_to,
        lag(valid_to) over (partition by {{ key }} order by valid_from) as previous_to,
        row_number() over (partition by {{ key }} order by valid_from desc) as from_last
    from {{ model }}

)

select *
from versions
where
    valid_from >= valid_to
    or valid_from <> coalesce(previous_to, {{ beginning_of_time() }})
    or (from_last = 1 and valid_to <> {{ end_of_time() }})
{% endtest %}
