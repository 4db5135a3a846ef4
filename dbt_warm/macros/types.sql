{% macro text_type(length) -%}
    {{ return(adapter.dispatch('text_type', 'dbt_warm')(length)) }}
{%- endmacro %}


{% macro default__text_type(length) -%}
    varchar({{ length }})
{%- endmacro %}


{% macro sqlserver__text_type(length) -%}
    nvarchar({{ length }})
{%- endmacro %}


{% macro text(expression, length) -%}
    cast({{ expression }} as {{ text_type(length) }})
{%- endmacro %}


{% macro exact_text(expression, length) -%}
    {{ return(adapter.dispatch('exact_text', 'dbt_warm')(expression, length)) }}
{%- endmacro %}


{% macro default__exact_text(expression, length) -%}
    {{ expression }}
{%- endmacro %}


{#- Compared byte by byte: by most databases' own collation `bms:A` and `bms:a` are one device, and so are two that
    differ in an accent. A unit of UTF-16 is at most three bytes, and what is cut off would make two ids one. -#}
{% macro sqlserver__exact_text(expression, length) -%}
    {%- set collation = var('exact_collation') -%}
    cast({{ expression }}{{ ' collate ' ~ collation if collation }} as varchar({{ length * 3 }}))
{%- endmacro %}


{% macro timestamp_type() -%}
    {{ return(adapter.dispatch('timestamp_type', 'dbt_warm')()) }}
{%- endmacro %}


{% macro default__timestamp_type() -%}
    timestamp
{%- endmacro %}


{% macro sqlserver__timestamp_type() -%}
    datetime2(6)
{%- endmacro %}


{% macro timestamp_text(moment) -%}
    {{ return(adapter.dispatch('timestamp_text', 'dbt_warm')(moment)) }}
{%- endmacro %}


{% macro default__timestamp_text(moment) -%}
    strftime({{ moment }}, '%Y-%m-%d %H:%M:%S.%f')
{%- endmacro %}


{% macro sqlserver__timestamp_text(moment) -%}
    convert(varchar(26), cast({{ moment }} as datetime2(6)), 121)
{%- endmacro %}


{% macro flag(condition) -%}
    cast(case when {{ condition }} then 1 else 0 end as {{ flag_type() }})
{%- endmacro %}


{% macro is_true(flag) -%}
    {{ return(adapter.dispatch('is_true', 'dbt_warm')(flag)) }}
{%- endmacro %}


{% macro default__is_true(flag) -%}
    {{ flag }}
{%- endmacro %}


{% macro sqlserver__is_true(flag) -%}
    {{ flag }} = 1
{%- endmacro %}


{% macro flag_type() -%}
    {{ return(adapter.dispatch('flag_type', 'dbt_warm')()) }}
{%- endmacro %}


{% macro default__flag_type() -%}
    boolean
{%- endmacro %}


{% macro sqlserver__flag_type() -%}
    bit
{%- endmacro %}


{% macro beginning_of_time() -%}
    cast('1900-01-01 00:00:00' as {{ timestamp_type() }})
{%- endmacro %}


{% macro end_of_time() -%}
    cast('9999-12-31 00:00:00' as {{ timestamp_type() }})
{%- endmacro %}
