"""`gold.features_1h`: what was known of a series at each full hour.

Belongs here: its query. A row has `as_of` at the end of an hour with readings, and is made of windows that ended at or
before it. Joining rows to moments is `as_of`'s.
Does not: labels, or scaling.

`as_of` is the time of measuring: a reading that came late is part of the features of its own time, as if it had come
at once.
"""

from __future__ import annotations

from assets.gold.domain.subject import Subject
from quality.contracts.domain_tables import FEATURES_1H

_SPANS = {"3h": 3, "24h": 24, "7d": 168}
_LAGS = (1, 2, 3, 24, 168)
_SERIES = "PARTITION BY device_id, metric, channel"


def _lag(hours: int) -> str:
    back = f"INTERVAL {hours} hours PRECEDING"
    return f"max(avg_value) OVER ({_SERIES} ORDER BY as_of RANGE BETWEEN {back} AND {back}) AS avg_lag_{hours}h"


def _sums(name: str) -> str:
    """What mean and spread of a span are made of, as in `merging`."""
    return f"""
    sum(reading_count) OVER w{name} AS count_{name}, count(*) OVER w{name} AS hours_{name},
    sum(reading_count * (avg_value - near)) OVER w{name} AS off_{name},
    sum((reading_count - 1) * coalesce(stdev_value, 0) ** 2 + reading_count * (avg_value - near) ** 2)
        OVER w{name} AS squares_{name}"""


def _moments(name: str) -> str:
    return f"""
    near + off_{name} / count_{name} AS avg_{name}, CASE WHEN count_{name} > 1 THEN
        sqrt(greatest(squares_{name} - off_{name} ** 2 / count_{name}, 0) / (count_{name} - 1)) END AS stdev_{name}"""


_QUERY = f"""
WITH hours AS (
    SELECT device_id, metric, channel, event_date, window_start + INTERVAL 1 hour AS as_of, reading_count, avg_value,
        stdev_value, last_value, first_value(avg_value) OVER ({_SERIES} ORDER BY window_start) AS near
    FROM readings_1h
), spans AS (
    SELECT *, {", ".join(map(_lag, _LAGS))}, {",".join(map(_sums, _SPANS))}
    FROM hours
    WINDOW {
    ", ".join(
        f"w{name} AS ({_SERIES} ORDER BY as_of RANGE BETWEEN INTERVAL {hours - 1} hours PRECEDING AND CURRENT ROW)"
        for name, hours in _SPANS.items()
    )
}
)
SELECT *, avg_value AS avg_1h, reading_count AS count_1h, {",".join(map(_moments, _SPANS))},
    hour(as_of) AS hour_of_day, isodow(as_of) AS day_of_week, isodow(as_of) >= 6 AS is_weekend, month(as_of) AS month
FROM spans
"""

FEATURES = Subject(table=FEATURES_1H, query=_QUERY, reads=("readings_1h",), back=7)
