"""`gold.site_intensity`: energy and water per floor area, as metered and as reported.

Belongs here: its query over `gold.site_use_1d` and the returns of the sites. A year is that of the returns: from April,
by UTC dates. A floor area is that of the year's return, else of the newest before, else of the oldest after.
Does not: what meters count (`site_use`), or reading returns (`assets.silver.entities`).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from assets.gold.domain.whole import replace_whole
from assets.silver.entities.read import current
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.domain_limits import ENERGY, RESOURCES, Resource
from quality.contracts.domain_tables import SITE_INTENSITY, SITE_USE_1D
from quality.contracts.entities import SITE_RETURN


def _reported(resource: Resource) -> str:
    known = " OR ".join(f"{name} IS NOT NULL" for name in resource.reported)
    total = " + ".join(f"coalesce({name}, 0)" for name in resource.reported)
    return (
        f"SELECT site_id, return_year, '{resource.name}' AS resource, '{resource.unit}' AS unit, {total} AS amount "
        f"FROM returns WHERE {known}"
    )


_TOTAL = ", ".join(f"'{name}'" for name in ENERGY)
_QUERY = f"""
WITH areas AS (
    SELECT site_id, return_year, gross_internal_floor_area AS area FROM returns WHERE gross_internal_floor_area > 0
), used AS (
    SELECT *, year(event_date) - CAST(month(event_date) < 4 AS BIGINT) AS return_year FROM site_use WHERE site_id <> ''
), metered AS (
    SELECT site_id, return_year, resource, any_value(unit) AS unit, sum(amount) AS amount,
        count(DISTINCT event_date) AS days
    FROM (FROM used UNION ALL BY NAME SELECT * REPLACE ('energy' AS resource) FROM used WHERE resource IN ({_TOTAL}))
    GROUP BY site_id, return_year, resource
), told AS ({" UNION ALL ".join(map(_reported, RESOURCES))}), reported AS (
    SELECT site_id, return_year, resource, any_value(unit) AS unit, sum(amount) AS amount
    FROM (FROM told UNION ALL BY NAME SELECT * REPLACE ('energy' AS resource) FROM told WHERE resource IN ({_TOTAL}))
    GROUP BY site_id, return_year, resource
), both_of AS (
    SELECT site_id, return_year, resource, coalesce(metered.unit, reported.unit) AS unit,
        metered.amount AS measured_amount, coalesce(days, 0) AS measured_days, reported.amount AS reported_amount,
        make_date(return_year + 1, 4, 1) - make_date(return_year, 4, 1) AS days_in_year
    FROM metered FULL JOIN reported USING (site_id, return_year, resource)
), chosen AS (
    SELECT both_of.site_id, both_of.return_year, resource,
        arg_max(area, nearness) AS floor_area, arg_max(areas.return_year, nearness) AS floor_area_year
    FROM both_of JOIN areas ON areas.site_id = both_of.site_id CROSS JOIN LATERAL (
        SELECT CASE WHEN areas.return_year <= both_of.return_year THEN areas.return_year
            ELSE -areas.return_year END AS nearness
    ) GROUP BY ALL
)
SELECT both_of.*, floor_area, floor_area_year, measured_amount / floor_area AS measured_per_m2,
    reported_amount / floor_area AS reported_per_m2,
    CASE WHEN reported_amount > 0 AND measured_days > 0
        THEN (measured_amount / measured_days) / (reported_amount / days_in_year) END AS measured_to_reported
FROM both_of LEFT JOIN chosen USING (site_id, return_year, resource)
"""


def intensity(lake: Lake) -> pa.Table:
    """The rows, from what is metered and reported by now."""
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("returns", current(lake, SITE_RETURN))
        empty = arrow_schema(SITE_USE_1D).empty_table()
        db.register("site_use", lake.rows(SITE_USE_1D) if lake.exists(SITE_USE_1D) else empty)
        names = ", ".join(SITE_INTENSITY.names)
        found = db.sql(f"SELECT {names} FROM ({_QUERY})").to_arrow_table()
        assert found is not None, "a select has a result"
        return found


def load_intensity(lake: Lake) -> tuple[int, bool]:
    """Rows, and whether they changed."""
    return replace_whole(lake, SITE_INTENSITY, lambda: intensity(lake))
