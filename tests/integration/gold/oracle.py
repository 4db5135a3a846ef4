"""What Gold must hold by kind, computed by Polars and the standard library from Silver's rows.

Belongs here: counters and states of a level, and the comparison. Nothing here knows KQL or DuckDB, nor cuts
time at minutes: windows are taken as they are.
Does not: the values of gauges (`conftest`), or running anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

import polars as pl

from quality.contracts.metrics import BY_NAME
from quality.contracts.tables import COUNTERS, LEVELS, STATES

DAY = timedelta(days=1)
Row = dict[str, Any]
LOOSE = ("avg_value", "stdev_value", "increase", "rate_per_s", "share")
"""Sums and quotients of floats: equal to 1e-9. All else is exact."""


def of_kind(readings: pl.DataFrame, *kinds: str) -> pl.DataFrame:
    """Readings of these kinds, each series in its own order."""
    names = [name for name, metric in BY_NAME.items() if metric.kind in kinds]
    return readings.filter(pl.col("metric").is_in(names)).sort(
        "device_id", "metric", "channel", "recorded_at", "discriminator"
    )


def counters(readings: pl.DataFrame, level: str) -> pl.DataFrame:
    """The level of counters, sums in exact fractions."""
    seconds = LEVELS[level]
    before = {name: pl.col(name).shift(1).over("device_id", "metric", "channel") for name in ("value", "recorded_at")}
    steps = (
        of_kind(readings, "counter")
        .filter(pl.col("value").is_not_null())
        .with_columns(previous=before["value"], previous_at=before["recorded_at"])
        .with_columns(window_start=pl.col("recorded_at").dt.truncate(f"{seconds}s"))
    )
    found = []
    keys = ("device_id", "metric", "channel", "unit", "window_start")
    for key, rows in _grouped(steps, keys):
        known = [
            row for row in rows if row["previous"] is not None and _neighbours(row["previous_at"], row["recorded_at"])
        ]
        increase = sum((_increase(row)[0] for row in known), Fraction())
        covered = sum(((row["recorded_at"] - row["previous_at"]) for row in known), timedelta())
        found.append(
            dict(zip(keys, key, strict=True))
            | {
                "event_date": key[-1].date(),
                "reading_count": len(rows),
                "first_value": rows[0]["value"],
                "last_value": rows[-1]["value"],
                "increase": float(increase) if known else None,
                "reset_count": sum(_increase(row)[1] for row in known),
                "rate_per_s": float(increase / Fraction(covered / timedelta(seconds=1))) if covered else None,
            }
        )
    return _framed(found, COUNTERS[level].names)


def _neighbours(earlier: datetime, later: datetime) -> bool:
    return (later.date() - earlier.date()).days <= 1


def _increase(row: Row) -> tuple[Fraction, int]:
    """What was counted since the reading before, and whether the counter began anew."""
    previous, value, limit = Fraction(row["previous"]), Fraction(row["value"]), BY_NAME[row["metric"]].rolls_over_at
    if value >= previous:
        return value - previous, 0
    if limit is not None and previous - value > Fraction(limit) / 2:
        return Fraction(limit) - previous + value, 0
    return value, 1


def states(readings: pl.DataFrame, level: str) -> pl.DataFrame:
    """The level of states and events, each window by itself."""
    window = timedelta(seconds=LEVELS[level])
    cells: dict[tuple[Any, ...], Row] = {}

    def cell(row: Row, start: datetime) -> Row:
        key = (row["device_id"], row["metric"], row["channel"], start, row["value_text"])
        empty = {"reading_count": 0, "held": timedelta(), "entered": 0, "event": BY_NAME[row["metric"]].kind == "event"}
        return cells.setdefault(key, empty)

    known = _known(readings)
    texts = of_kind(readings, "state", "event").filter(pl.col("value_text").is_not_null())
    for _, rows in _grouped(texts, ("device_id", "metric", "channel")):
        for previous, row, following in _beside(rows):
            own = cell(row, _floor(row["recorded_at"], window))
            own["reading_count"] += 1
            if own["event"]:
                continue
            if previous and row["recorded_at"] - previous["recorded_at"] <= DAY:
                own["entered"] += previous["value_text"] != row["value_text"]
            until = row["recorded_at"] + DAY
            if following:
                until = min(until, following["recorded_at"])
            for start, held in _windows(row["recorded_at"], until, window, known):
                cell(row, start)["held"] += held
    found = [
        {
            "event_date": key[3].date(), "device_id": key[0], "metric": key[1], "channel": key[2],
            "window_start": key[3], "state": key[4], "reading_count": at["reading_count"],
            "seconds_in_state": None if at["event"] else at["held"] / timedelta(seconds=1),
            "transitions": None if at["event"] else at["entered"],
            "share": None if at["event"] else at["held"] / window,
        }
        for key, at in cells.items()
    ]  # fmt: skip
    return _framed(found, STATES[level].names)


def _known(readings: pl.DataFrame) -> dict[date, datetime]:
    """Until when each date is known: what came in of it or of the date after."""
    newest = dict(readings.group_by(pl.col("recorded_at").dt.date()).agg(pl.col("enqueued_at").max()).iter_rows())
    return {day: max(seen, newest.get(day + DAY, seen)) for day, seen in newest.items()}


def _windows(
    since: datetime, until: datetime, window: timedelta, known: dict[date, datetime]
) -> Iterator[tuple[datetime, timedelta]]:
    start = _floor(since, window)
    while start < until:
        # Nothing is known of a date without a reading.
        end = min(until, start + window, known.get(start.date(), start))
        if end > max(start, since):
            yield start, end - max(start, since)
        start += window


def _floor(moment: datetime, window: timedelta) -> datetime:
    midnight = datetime.combine(moment.date(), time(), moment.tzinfo)
    return midnight + (moment - midnight) // window * window


def _beside(rows: list[Row]) -> Iterator[tuple[Row | None, Row, Row | None]]:
    padded = [None, *rows, None]
    for (previous, row), (_, following) in zip(pairwise(padded[:-1]), pairwise(padded[1:]), strict=True):
        assert row is not None
        yield previous, row, following


def _grouped(frame: pl.DataFrame, keys: tuple[str, ...]) -> Iterator[tuple[tuple[Any, ...], list[Row]]]:
    """Groups of neighbouring rows."""
    for key, rows in groupby(frame.iter_rows(named=True), key=lambda row: tuple(row[name] for name in keys)):
        yield key, list(rows)


def _framed(rows: list[Row], names: Iterable[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None).select(names) if rows else pl.DataFrame(schema=list(names))


def assert_level(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    """The same rows: sums of floats to 1e-9, all else exactly."""
    keys = [name for name in ("device_id", "metric", "channel", "window_start", "state") if name in wanted.columns]
    assert found.columns == wanted.columns
    found, wanted = found.sort(keys), wanted.sort(keys)
    assert found.height == wanted.height
    exact = [name for name in wanted.columns if name not in LOOSE]
    differing = [
        pair for pair in zip(found.select(exact).rows(), wanted.select(exact).rows(), strict=True) if pair[0] != pair[1]
    ]
    assert differing == []
    for name in (name for name in wanted.columns if name in LOOSE):
        for left, right, *key in zip(found[name], wanted[name], *(wanted[key] for key in keys), strict=True):
            same = left is right if left is None or right is None else math.isclose(left, right, rel_tol=1e-9)
            assert same, f"{name} of {key} is {left}, not {right}"
