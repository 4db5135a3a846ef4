"""`gold.site_readings_1d_local`: all devices of a site together, by the days of its own calendar.

Belongs here: its query.
Does not: which date a window belongs to, or how windows are put together (`merging`).
"""

from __future__ import annotations

from assets.gold.domain.merging import EXPECTED, local, merged
from assets.gold.domain.subject import Subject
from quality.contracts.domain_tables import SITE_READINGS_1D_LOCAL

_BY = "site_id, metric, local_date"
_EXPECTED = f"SELECT {_BY}, sum(expected_count) AS expected_count FROM ({local(EXPECTED)}) GROUP BY {_BY}"

SITE_DAYS = Subject(
    table=SITE_READINGS_1D_LOCAL,
    query=merged(local("readings_5m"), _EXPECTED, _BY, "time_zone, day_start, hours_in_day"),
    reads=("readings_5m", "readings_1d", "register"),
    back=1,
    ahead=1,
)
