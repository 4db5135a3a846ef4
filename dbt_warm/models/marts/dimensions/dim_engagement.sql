with engagements as (

    select
        engagements.*,
        row_number() over (partition by engagements.engagement_id order by engagements.valid_from desc) as version
    from {{ ref('stg_engagements') }} as engagements

),

services as (

    select
        services.*,
        row_number() over (partition by services.service_offering_id order by services.valid_from desc) as version
    from {{ ref('stg_service_offerings') }} as services

),

final as (

    select
        {{ surrogate_key(['engagements.engagement_id']) }} as engagement_key,
        {{ text('engagements.engagement_id', 64) }} as engagement_id,
        {{ text('engagements.name', 256) }} as name,
        {{ text('engagements.status', 32) }} as status,
        {{ text('services.name', 256) }} as service_name,
        {{ text('services.category', 128) }} as service_category,
        engagements.started_on,
        engagements.ended_on,
        {{ flag('engagements.valid_to is null') }} as is_current
    from engagements
    left join services on engagements.service_offering_id = services.service_offering_id and services.version = 1
    where engagements.version = 1

)

select * from final
