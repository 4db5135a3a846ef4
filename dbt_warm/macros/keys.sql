{% macro surrogate_key(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append("cast(" ~ column ~ " as varchar(256))") -%}
        {%- if not loop.last %}{% do parts.append("'|'") %}{% endif -%}
    {%- endfor -%}
    cast({{ dbt.hash(dbt.concat(parts)) }} as varchar(32))
{%- endmacro %}


{% macro date_key(day) -%}
    cast(
        {{ date_part('year', day) }} * 10000
        + {{ date_part('month', day) }} * 100
        + {{ date_part('day', day) }} as integer
    )
{%- endmacro %}
