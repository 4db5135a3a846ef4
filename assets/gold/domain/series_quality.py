"""`gold.series_quality_1d`: completeness and share of doubtful readings, per series and date.

Belongs here: its query. States and events have no row: `gold.suspect_readings_1d` counts them with the others.
Does not: raising doubts (`assets.silver.flags`).
"""

from __future__ import annotations

from assets.gold.domain.subject import Subject
from quality.contracts.domain_tables import SERIES_QUALITY_1D

_QUERY = """
SELECT series.event_date, device_id, metric, channel, reading_count, expected_count,
    reading_count / expected_count AS completeness, coalesce(suspect_count, 0) AS suspect_count,
    coalesce(suspect_count, 0) / reading_count AS suspect_share
FROM all_1d AS series LEFT JOIN doubts USING (event_date, device_id, metric, channel)
"""

SERIES_QUALITY = Subject(table=SERIES_QUALITY_1D, query=_QUERY, reads=("all_1d", "doubts"))
