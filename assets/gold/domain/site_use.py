"""`gold.site_use_1d`: what the meters of a site counted on a day.

Belongs here: its query. Each hour counts at the site where its meter stood when it began.
Does not: how a counter's rise is found (restarts and roll-overs: `gold.counters_1h`), or which metrics are meters
(`quality.contracts.domain_limits`). Meters below meters are added up as the register places them: what is counted
twice there is counted twice here.
"""

from __future__ import annotations

from assets.gold.domain.merging import placed
from assets.gold.domain.subject import Subject
from quality.contracts.domain_limits import RESOURCES
from quality.contracts.domain_tables import SITE_USE_1D

_UNITS = ", ".join(f"('{resource.name}', '{resource.unit}')" for resource in RESOURCES)
_QUERY = f"""
SELECT event_date, site_id, resource, any_value(unit) AS unit, sum(amount) AS amount,
    count(DISTINCT (device_id, metric, channel)) AS meter_count
FROM ({placed("meters")}) JOIN (VALUES {_UNITS}) AS units (resource, unit) USING (resource)
WHERE amount IS NOT NULL GROUP BY event_date, site_id, resource
"""

USE_OF_SITES = Subject(table=SITE_USE_1D, query=_QUERY, reads=("meters", "register"))
