{#- What compatible servers may lack, each behind a variable of the project. SQL Server itself needs none of them. -#}

{% macro get_query_options(parse_options=False) -%}
    {%- if target.type == 'sqlserver' and var('query_label') -%}
    option (label = '{{ escape_single_quotes('dbt_warm.' ~ (model.name if model else 'run')) }}')
    {%- endif -%}
{%- endmacro %}


{% macro sqlserver__create_view_as(relation, sql) -%}
    {%- set header = 'create or alter view' if var('create_or_alter') else 'create view' -%}
    {%- set statement -%}
        {{ header }} {{ relation.include(database=False) }} as {{ sql }};
    {%- endset -%}
    {{ get_use_database_sql(relation.database) }}
    {%- if config.get('contract').enforced %}
    {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}
    {%- if not var('create_or_alter') %}
    exec('drop view if exists {{ relation.include(database=False) }}')
    {%- endif %}
    exec('{{- escape_single_quotes(statement) -}}')
{%- endmacro %}


{#- dbt-sqlserver asks whether a view is still what its model says by describing the model's columns. A server without
    `create or alter view` cannot describe them either: there the view is made anew each time, which costs the same. -#}
{% macro sqlserver__get_view_skip_check_sql(relation, compiled_sql) -%}
    {%- if var('create_or_alter') -%}
    {{ return(dbt.sqlserver__get_view_skip_check_sql(relation, compiled_sql)) }}
    {%- endif -%}
    select cast(null as nvarchar(1)) as definition, 0 as needs_refresh where 1 = 0
{%- endmacro %}


{#- Nor can it describe what a contract or a snapshot is compared with: there the statement is run, a model's for no
    rows. The semicolon keeps dbt-sqlserver, which describes whatever begins with WITH, from describing it. -#}
{% macro get_column_schema_from_query(select_sql, select_sql_header=none) -%}
    {%- if target.type != 'sqlserver' or var('create_or_alter') or not sqlserver__select_starts_with_cte(select_sql) -%}
    {{ return(dbt.get_column_schema_from_query(select_sql, select_sql_header)) }}
    {%- endif -%}
    {%- set every_row = 'select * from final' -%}
    {%- set statement = select_sql | trim -%}
    {%- if statement.endswith(every_row) -%}
    {%- set statement = statement[:-(every_row | length)] ~ 'select top (0) * from final' -%}
    {%- endif -%}
    {{ return(adapter.get_column_schema_from_query(';' ~ statement)) }}
{%- endmacro %}
