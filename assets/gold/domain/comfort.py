"""`gold.site_comfort_1d`: how long a site's air was as people like it.

Belongs here: its query. An hour is comfortable when the mean of its devices' means lies within the band, ends included;
hours are counted from the start of the local day, so a day has 23, 24 or 25 of them.
Does not: the bands (`quality.contracts.domain_limits`).
"""

from __future__ import annotations

from assets.gold.domain.merging import local
from assets.gold.domain.subject import Subject
from quality.contracts.domain_limits import COMFORT
from quality.contracts.domain_tables import SITE_COMFORT_1D


def _end(value: float | None) -> str:
    return "CAST(NULL AS DOUBLE)" if value is None else repr(value)


_BANDS = ", ".join(f"('{band.metric}', {_end(band.low)}, {_end(band.high)})" for band in COMFORT)
_QUERY = f"""
WITH bands AS (FROM (VALUES {_BANDS}) AS given (metric, low, high)), by_device AS (
    SELECT local_date, site_id, metric, time_zone, hours_in_day, unit, device_id,
        floor(epoch(window_start - day_start) / 3600) AS hour,
        sum(reading_count * avg_value) / sum(reading_count) AS mean
    FROM ({local("readings_5m")}) WHERE site_id <> '' AND metric IN (SELECT metric FROM bands) GROUP BY ALL
), by_hour AS (
    SELECT * EXCLUDE (device_id, mean), avg(mean) AS mean, count(*) AS devices,
        count(*) FILTER (mean >= coalesce(low, mean) AND mean <= coalesce(high, mean)) AS devices_comfortable
    FROM by_device JOIN bands USING (metric) GROUP BY ALL
)
SELECT local_date, site_id, metric, time_zone, hours_in_day, low, high, unit, count(*) AS hours_known,
    count(*) FILTER (mean < low) AS hours_below, count(*) FILTER (mean > high) AS hours_above,
    hours_known - hours_below - hours_above AS hours_comfortable, hours_comfortable / hours_known AS comfort_share,
    sum(devices) AS device_hours_known, sum(devices_comfortable) AS device_hours_comfortable
FROM by_hour GROUP BY ALL
"""

COMFORT_OF_SITES = Subject(table=SITE_COMFORT_1D, query=_QUERY, reads=("readings_5m", "register"), back=1, ahead=1)
