{% macro dates_to_build(lane) -%}
    select state.date
    from {{ source('staging', 'date_state') }} as state
    where state.lane = '{{ lane }}' and state.built_batch is null
{%- endmacro %}


{% macro only_dates_to_build(date_column, lane) -%}
    {#- Asked for in every case: dbt learns what a model reads while parsing, where nothing is incremental. -#}
    {%- set dates = dates_to_build(lane) -%}
    {%- if is_incremental() -%}
    where {{ date_column }} in ({{ dates }})
    {%- endif -%}
{%- endmacro %}


{% macro get_incremental_replace_dates_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ arg_dict['unique_key'] }} in ({{ dates_to_build(config.meta_require('lane')) }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }};
{%- endmacro %}
