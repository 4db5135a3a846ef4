with clients as (

    select
        clients.*,
        row_number() over (partition by clients.client_id order by clients.valid_from desc) as version
    from {{ ref('stg_clients') }} as clients

),

final as (

    select
        {{ surrogate_key(['client_id']) }} as client_key,
        {{ text('client_id', 64) }} as client_id,
        {{ text('name', 256) }} as name,
        {{ text('sector', 128) }} as sector,
        {{ text('country', 8) }} as country,
        {{ text('status', 32) }} as status,
        {{ flag('valid_to is null') }} as is_current
    from clients
    where version = 1

)

select * from final
