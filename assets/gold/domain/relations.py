"""What the queries of the subject tables select from.

Belongs here: each relation once, cut to the columns that are used.
Does not: laying them out for some dates (`desk`), or the queries (a module a table).

| relation | rows |
|---|---|
| `days` | event_date, day_start, day_end, heard_until (of the day, at most its end): the dates to make, by `desk` |
| `readings_5m`, `readings_1h`, `readings_1d` | Gold's levels without counters, whose mean means nothing |
| `all_1d` | readings_1d with them |
| `meters` | rise of counters and sum of interval meters by hour, and the resource that they count |
| `states` | of a series and date the first reading of each run of equal states |
| `state_hours` | states_1h |
| `heartbeats` | every reading; `last_heartbeats`: the newest a device and date, of the days before too |
| `doubts` | readings in doubt a series and date |
| `register`, `zones`, `twins` | spans of devices with site and zone; zone of each site; spans of twins |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow.compute as pc

from assets.gold.domain.desk import Desk
from assets.gold.domain.register import TWINS, placed
from assets.gold.domain.subject import Source
from assets.silver.entities.read import history
from quality.contracts.domain_limits import HEALTH_LIMITS, RESOURCES
from quality.contracts.entities import DIGITAL_TWIN
from quality.contracts.gold_tables import COUNTERS_1H, READINGS_1D, READINGS_1H, READINGS_5M, STATES_1H
from quality.contracts.metrics import METRICS
from quality.contracts.model import Table
from quality.contracts.tables import READING_FLAGS

COUNTED = tuple(metric.name for metric in METRICS if metric.kind == "counter")
_OF_STATES = [metric.name for metric in METRICS if metric.kind == "state"]
_MERGED = (
    "device_id", "metric", "channel", "event_date", "window_start", "unit", "reading_count", "min_value", "max_value",
    "avg_value", "stdev_value", "last_value", "expected_count",
)  # fmt: skip
_METERED = ("device_id", "metric", "channel", "event_date", "window_start")


def _level(
    table: Table, name: str, *, back: int, ahead: int = 0, without: Sequence[str] = COUNTED
) -> Callable[[Desk], None]:
    def lay(desk: Desk) -> None:
        query = "SELECT * FROM given WHERE metric NOT IN (SELECT unnest($counted::VARCHAR[]))"
        desk.made(name, query, desk.scanned(table, _MERGED, back=back, ahead=ahead), counted=list(without))

    return lay


def _meters(desk: Desk) -> None:
    counters = {metric: resource.name for resource in RESOURCES for metric in resource.counters}
    intervals = {metric: resource.name for resource in RESOURCES for metric in resource.intervals}
    for name, table, more, resources, amount in (
        ("counters", COUNTERS_1H, ("increase",), counters, "increase"),
        ("intervals", READINGS_1H, ("avg_value", "reading_count"), intervals, "avg_value * reading_count"),
    ):
        reader = desk.scanned(table, (*_METERED, *more), pc.field("metric").isin(list(resources)))
        known = ", ".join(f"('{metric}', '{resource}')" for metric, resource in resources.items())
        desk.made(
            f"metered_{name}",
            f"SELECT {', '.join(_METERED)}, {amount} AS amount, resource FROM given "
            f"JOIN (VALUES {known}) AS known (metric, resource) USING (metric)",
            reader,
        )
    desk.db.execute("CREATE OR REPLACE TEMP VIEW meters AS FROM metered_counters UNION ALL FROM metered_intervals")


def _doubts(desk: Desk) -> None:
    names = ("event_date", "device_id", "metric", "channel", "recorded_at", "discriminator", "value")
    desk.made(
        "doubts",
        """
        SELECT event_date, device_id, metric, channel, count(*) AS suspect_count FROM (
            SELECT DISTINCT event_date, device_id, metric, channel, recorded_at, discriminator FROM given
            WHERE value IS NOT NULL
        ) GROUP BY ALL
        """,
        desk.scanned(READING_FLAGS, names),
    )


def _heartbeats(desk: Desk) -> None:
    beats = desk.recorded(("device_id", "metric", "recorded_at", "value"), 0)
    desk.made("heartbeats", "SELECT * FROM given", beats)
    before = desk.recorded(("device_id", "recorded_at"), HEALTH_LIMITS.look_back_days)
    desk.made(
        "last_heartbeats",
        "SELECT device_id, CAST(recorded_at AS DATE) AS event_date, max(recorded_at) AS recorded_at "
        "FROM given GROUP BY ALL",
        before,
    )


def _states(desk: Desk) -> None:
    names = ("device_id", "metric", "channel", "recorded_at", "discriminator", "value_text")
    desk.made(
        "states",
        """
        SELECT device_id, metric, channel, recorded_at, value_text FROM (
            SELECT *, lag(value_text) OVER (
                PARTITION BY device_id, metric, channel, CAST(recorded_at AS DATE) ORDER BY recorded_at, discriminator
            ) AS before_it
            FROM given WHERE value_text IS NOT NULL
        ) WHERE before_it IS DISTINCT FROM value_text
        """,
        desk.recorded(names, 1, pc.field("metric").isin(_OF_STATES)),
    )


def _state_hours(desk: Desk) -> None:
    names = ("device_id", "metric", "channel", "event_date", "window_start", "state", "share")
    desk.made("state_hours", "SELECT * FROM given", desk.scanned(STATES_1H, names))


LAY: Mapping[Source, Callable[[Desk], None]] = {
    "readings_5m": _level(READINGS_5M, "readings_5m", back=1, ahead=1),
    "readings_1h": _level(READINGS_1H, "readings_1h", back=7),
    "readings_1d": _level(READINGS_1D, "readings_1d", back=1, ahead=1),
    "all_1d": _level(READINGS_1D, "all_1d", back=0, without=()),
    "meters": _meters,
    "doubts": _doubts,
    "heartbeats": _heartbeats,
    "states": _states,
    "state_hours": _state_hours,
    "register": lambda desk: placed(desk.db, desk.lake),
    "twins": lambda desk: desk.made("twins", "SELECT * FROM given", history(desk.lake, DIGITAL_TWIN, TWINS)),
    "heard": lambda _: None,
}
"""How each is made; `heard` is a column of `days`."""
