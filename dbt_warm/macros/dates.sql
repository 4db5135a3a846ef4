{% macro date_part(part, moment) -%}
    {{ return(adapter.dispatch('date_part', 'dbt_warm')(part, moment)) }}
{%- endmacro %}


{% macro default__date_part(part, moment) -%}
    cast(extract({{ part }} from {{ moment }}) as integer)
{%- endmacro %}


{% macro sqlserver__date_part(part, moment) -%}
    datepart({{ part }}, {{ moment }})
{%- endmacro %}


{% macro choose(number, words) -%}
    case {{ number }}
        {%- for word in words %}
        when {{ loop.index }} then '{{ word }}'
        {%- endfor %}
    end
{%- endmacro %}
