{% macro as_of(version, moment) -%}
    {{ moment }} >= {{ version }}.valid_from and {{ moment }} < {{ version }}.valid_to
{%- endmacro %}


{#- For each key of `known`: when none of `versions` holds. Together with them every instant has exactly one row. -#}
{% macro version_gaps(known, versions, key) -%}
    select
        known.{{ key }},
        {{ beginning_of_time() }} as valid_from,
        coalesce(min(versions.valid_from), {{ end_of_time() }}) as valid_to
    from {{ known }} as known
    left join {{ versions }} as versions on known.{{ key }} = versions.{{ key }}
    group by known.{{ key }}
    union all
    select
        ended.{{ key }},
        ended.valid_to as valid_from,
        ended.next_from as valid_to
    from (
        select
            versions.{{ key }},
            versions.valid_to,
            coalesce(
                lead(versions.valid_from) over (partition by versions.{{ key }} order by versions.valid_from),
                {{ end_of_time() }}
            ) as next_from
        from {{ versions }} as versions
    ) as ended
    where ended.valid_to < ended.next_from
{%- endmacro %}
