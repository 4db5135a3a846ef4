{% macro surrogate_key(texts) -%}
    {{ return(adapter.dispatch('surrogate_key', 'dbt_warm')(texts)) }}
{%- endmacro %}


{% macro default__surrogate_key(texts) -%}
    cast(md5({{ texts | join(" || '|' || ") }}) as varchar(32))
{%- endmacro %}


{#- Of the bytes of UTF-8, as everywhere else: SQL Server's own would hash the bytes of whatever code page the database
    was created with, and without a style write them in capitals. -#}
{% macro sqlserver__surrogate_key(texts) -%}
    {%- set parts = [] -%}
    {%- for text in texts -%}
        {%- do parts.append(exact_text(text, 800)) -%}
    {%- endfor -%}
    cast(lower(convert(varchar(32), hashbytes('MD5', {{ parts | join(" + '|' + ") }}), 2)) as varchar(32))
{%- endmacro %}


{% macro unknown_key() -%}
    cast('00000000000000000000000000000000' as varchar(32))
{%- endmacro %}


{% macro date_key(day) -%}
    cast(
        {{ date_part('year', day) }} * 10000
        + {{ date_part('month', day) }} * 100
        + {{ date_part('day', day) }} as integer
    )
{%- endmacro %}
