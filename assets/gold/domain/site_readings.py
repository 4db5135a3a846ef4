"""`gold.site_readings_1h`: all devices of a site together, hour by hour.

Belongs here: its query. Made of windows of 5 minutes, so that a device that moves within an hour counts at both sites.
Does not: how windows are put together (`merging`).
"""

from __future__ import annotations

from assets.gold.domain.merging import EXPECTED, merged, placed
from assets.gold.domain.subject import Subject
from quality.contracts.domain_tables import SITE_READINGS_1H

_BY = "site_id, metric, window_start"


def _by_hour(windows: str) -> str:
    return f"SELECT * REPLACE (date_trunc('hour', window_start) AS window_start) FROM ({placed(windows)})"


_EXPECTED = f"SELECT {_BY}, sum(expected_count) AS expected_count FROM ({_by_hour(EXPECTED)}) GROUP BY {_BY}"

SITE_READINGS = Subject(
    table=SITE_READINGS_1H,
    query=merged(_by_hour("readings_5m"), _EXPECTED, _BY, "event_date"),
    reads=("readings_5m", "readings_1d", "register"),
)
