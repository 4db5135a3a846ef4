-- How much energy and water does each organisation use per square metre, by its returns and by its meters?
select
    site.organisation_name as organisation,
    day.fiscal_year_name,
    fact.resource,
    fact.unit,
    count(*) as sites,
    -- Weighted by area; a site counts where both its amount and its area are known.
    sum(case when fact.floor_area is not null then fact.reported_amount end)
    / nullif(sum(case when fact.reported_amount is not null then fact.floor_area end), 0) as reported_per_m2,
    sum(case when fact.floor_area is not null then fact.measured_amount end)
    / nullif(sum(case when fact.measured_amount is not null then fact.floor_area end), 0) as measured_per_m2,
    -- About 1 where meters cover the sites whole, however few days of the year they have counted.
    sum(fact.measured_to_reported * fact.reported_amount)
    / nullif(sum(case when fact.measured_to_reported is not null then fact.reported_amount end), 0)
        as measured_to_reported
from marts.fct_site_intensity as fact
inner join marts.dim_site as site on fact.site_key = site.site_key
inner join marts.dim_date as day on fact.date_key = day.date_key
-- Electricity and heat are part of energy: added to it, they would count twice.
where fact.resource in ('energy', 'water')
group by site.organisation_name, day.fiscal_year_name, fact.resource, fact.unit
order by site.organisation_name, day.fiscal_year_name, fact.resource
