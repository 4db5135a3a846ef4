{#- Overrides dbt's, which asks the server: a compilation without one (`dbt compile --no-introspect`) shows what an
    incremental run would do, which holds all that a full refresh does. -#}
{% macro is_incremental() -%}
    {%- if execute and not flags.INTROSPECT -%}
    {{ return(model.config.materialized == 'incremental') }}
    {%- endif -%}
    {{ return(dbt.is_incremental()) }}
{%- endmacro %}


{% macro staged_dates(lane) -%}
    select state.date
    from {{ source('staging', 'date_state') }} as state
    where state.lane = '{{ lane }}' and state.built_batch is null
{%- endmacro %}


{#- Dates of rows that lead to another version of their device or site than the one that holds at `moment`. Only when
    reference entities were staged anew and are not built yet: until then nothing can have become another. -#}
{% macro outdated_dates(date_column, moment, follows) -%}
    select fact.{{ date_column }}
    from {{ this }} as fact
    inner join {{ source('staging', 'date_state') }} as state
        on state.lane = 'entities' and state.built_batch is null
    {%- if follows == 'device' %}
    left join {{ ref('int_device_versions') }} as device
        on fact.device_key = device.device_key and {{ as_of('device', 'fact.' ~ moment) }}
    left join {{ ref('int_site_versions') }} as site
        on device.site_id = site.site_id and {{ as_of('site', 'fact.' ~ moment) }}
    where device.device_key is null or fact.site_key <> coalesce(site.site_key, {{ unknown_key() }})
    {%- else %}
    left join {{ ref('int_site_versions') }} as site
        on fact.site_key = site.site_key and {{ as_of('site', 'fact.' ~ moment) }}
    where site.site_key is null
    {%- endif %}
{%- endmacro %}


{#- `follows` names the dimension whose versions the fact is joined with as of `moment`: device, which leads to its
    site, or site alone. -#}
{% macro dates_to_build(lane, date_column, moment, follows) -%}
    {{ staged_dates(lane) }}
    {%- if follows %}
    union
    {{ outdated_dates(date_column, moment, follows) }}
    {%- endif %}
{%- endmacro %}


{% macro only_dates_to_build(date_column, lane, moment=none, follows=none) -%}
    {#- Asked for in every case: dbt learns what a model reads while parsing, where nothing is incremental. -#}
    {%- set dates = dates_to_build(lane, date_column, moment, follows) -%}
    {%- if is_incremental() -%}
    where {{ date_column }} in ({{ dates }})
    {%- endif -%}
{%- endmacro %}


{% macro get_incremental_replace_dates_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set dates = dates_to_build(
        config.meta_require('lane'), arg_dict['unique_key'], config.meta_get('moment'), config.meta_get('follows')
    ) -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ arg_dict['unique_key'] }} in ({{ dates }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}
    {{ get_query_options(parse_options=True) }};
{%- endmacro %}


{#- Whether rows that are staged whole, or the versions that they lead to, were staged anew and are not built yet: both
    are listed under one date. -#}
{% macro whole_is_due(lane) -%}
    exists (
        select 1
        from {{ source('staging', 'date_state') }} as state
        where
            state.lane in ('{{ lane }}', 'entities')
            and state.date = cast('{{ var('whole_date') }}' as date)
            and state.built_batch is null
    )
{%- endmacro %}


{% macro only_if_whole_is_due(lane) -%}
    {#- Asked for in every case, as above. -#}
    {%- set due = whole_is_due(lane) -%}
    {%- if is_incremental() -%}
    where {{ due }}
    {%- endif -%}
{%- endmacro %}


{% macro get_incremental_replace_whole_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ whole_is_due(config.meta_require('lane')) }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}
    {{ get_query_options(parse_options=True) }};
{%- endmacro %}
