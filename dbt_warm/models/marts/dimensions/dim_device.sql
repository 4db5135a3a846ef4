with versions as (

    select * from {{ ref('int_device_versions') }}

),

seen as (

    select * from {{ ref('int_devices_seen') }}

),

assets as (

    select * from {{ ref('stg_assets') }}
    where valid_to is null

),

devices as (

    select
        versions.device_key,
        versions.device_id,
        -- The identity is `<source>:<native id>`, and a native id may hold a colon of its own.
        -- One without any would be a length of -1, which SQL Server takes for an error.
        substring(
            versions.device_id, 1, {{ dbt.position("':'", dbt.concat(["versions.device_id", "':'"])) }} - 1
        ) as source,
        substring(versions.device_id, {{ dbt.position("':'", "versions.device_id") }} + 1, 256) as native_id,
        versions.is_registered,
        versions.asset_id,
        assets.name as asset_name,
        assets.asset_type,
        versions.site_id,
        versions.model,
        versions.location,
        versions.floor,
        versions.status,
        versions.latitude,
        versions.longitude,
        versions.installed_on,
        versions.expected_to_report,
        versions.interval_s,
        seen.first_seen_date,
        seen.last_seen_date,
        coalesce(seen.active_days, 0) as active_days,
        coalesce(seen.metric_count, 0) as metric_count,
        coalesce(seen.reading_count, 0) as reading_count,
        versions.valid_from,
        versions.valid_to
    from versions
    left join seen on versions.device_id = seen.device_id
    left join assets on versions.asset_id = assets.asset_id
    union all
    select
        {{ unknown_key() }} as device_key,
        '' as device_id,
        '' as source,
        '' as native_id,
        {{ flag('1 = 0') }} as is_registered,
        null as asset_id,
        null as asset_name,
        null as asset_type,
        null as site_id,
        null as model,
        null as location,
        null as floor,
        null as status,
        null as latitude,
        null as longitude,
        null as installed_on,
        null as expected_to_report,
        null as interval_s,
        null as first_seen_date,
        null as last_seen_date,
        0 as active_days,
        0 as metric_count,
        0 as reading_count,
        {{ beginning_of_time() }} as valid_from,
        {{ end_of_time() }} as valid_to

),

final as (

    select
        device_key,
        {{ text('device_id', 256) }} as device_id,
        {{ text('source', 128) }} as source,
        {{ text('native_id', 256) }} as native_id,
        is_registered,
        {{ text('asset_id', 128) }} as asset_id,
        {{ text('asset_name', 256) }} as asset_name,
        {{ text('asset_type', 128) }} as asset_type,
        {{ text('site_id', 128) }} as site_id,
        {{ text('model', 256) }} as model,
        {{ text('location', 256) }} as location,
        {{ text('floor', 64) }} as floor,
        {{ text('status', 32) }} as status,
        cast(latitude as double precision) as latitude,
        cast(longitude as double precision) as longitude,
        installed_on,
        expected_to_report,
        cast(interval_s as double precision) as interval_s,
        first_seen_date,
        last_seen_date,
        cast(active_days as integer) as active_days,
        cast(metric_count as integer) as metric_count,
        cast(reading_count as bigint) as reading_count,
        valid_from,
        valid_to,
        {{ flag('valid_to = ' ~ end_of_time()) }} as is_current
    from devices

)

select * from final
