"""Follow one event: what each tier made of it.

Belongs here: the look-ups by event reference, tier by tier, and what came of the event in one word.
Does not: showing them (`orchestration.cli.ledger`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.silver.intake import hour_of
from assets.silver.snapshot import snapshot
from assets.warm.engine import Session, WarmMissingError, engine_of
from lake.store import Lake
from quality.contracts.domain_tables import DEVICE_HEALTH_1D, FAULT_INDICATORS_1D, SERIES_QUALITY_1D
from quality.contracts.model import Table
from quality.contracts.tables import (
    BRONZE_TELEMETRY,
    DUPLICATES,
    EVENT_NAMES,
    LEVEL_TABLES,
    LEVELS,
    QUARANTINE,
    QUARANTINE_HISTORY,
    READING_FLAGS,
    READINGS,
)
from settings.model import Settings

_READING = (
    *("index", "device_id", "metric", "channel", "recorded_at"),
    *("value", "value_text", "unit", "mapping_id", "silver_batch"),
)
_WINNER = tuple(f"winner_{name}" for name in EVENT_NAMES)
_WINDOW = (
    *("device_id", "metric", "channel", "window_start", "reading_count", "min_value", "max_value", "avg_value"),
    *("increase", "reset_count", "rate_per_s", "state", "seconds_in_state", "transitions", "unit"),
)
"""What is shown of a window, as far as its kind of level has it."""
_OF_DEVICES = (SERIES_QUALITY_1D, DEVICE_HEALTH_1D, FAULT_INDICATORS_1D)
"""Subject tables with a device and a date of recorded_at; the others join sites, which a reading does not name."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FACT = ("device_id", "metric", "channel", "reading_count", "min_value", "max_value", "avg_value")
_FACTS = """
    select d.device_id, m.metric, f.channel, f.reading_count, f.min_value, f.max_value, f.avg_value, f.{at}
    from marts.{fact} f
    join marts.dim_device d on d.device_key = f.device_key
    join marts.dim_metric m on m.metric_key = f.metric_key
    where d.device_id = ? and m.metric = ? and f.channel = ? and f.{at} = ?
"""


def reference(event: str) -> tuple[str, str, int, int]:
    """Parse `hub/partition/epoch/sequence`.

    Raises: ValueError with the right form in the text.
    """
    parts = event.rsplit("/", 3)
    if len(parts) != 4 or not all(parts) or not all(part.isascii() and part.isdigit() for part in parts[2:]):
        raise ValueError(f"{event!r} names no event; write hub/partition/epoch/sequence, e.g. telemetry/0/0/42")
    return parts[0], parts[1], int(parts[2]), int(parts[3])


def is_event(event: str) -> ds.Expression:
    """The rows of one event, in any table with its reference. Raises: ValueError."""
    hub, partition_id, epoch, number = reference(event)
    return (
        (pc.field("hub") == hub)
        & (pc.field("partition_id") == partition_id)
        & (pc.field("epoch") == epoch)
        & (pc.field("sequence_number") == number)
    )


def follow(settings: Settings, event: str) -> dict[str, Any]:
    """Every stop of the event: {"event", "found", "outcome", "stops": {table: [rows]}}.

    The outcome is the ledger's: accepted, partial, quarantined, duplicate; `waiting` before Silver has read it.
    """
    lake, here = Lake.of(settings), is_event(event)
    bronze = _rows(lake, BRONZE_TELEMETRY, None, here, BRONZE_TELEMETRY.names)
    for row in bronze:
        row["properties"] = dict(row["properties"])
    stops = {"bronze.telemetry": bronze}
    if not bronze:
        return {"event": event, "found": False, "outcome": None, "stops": stops}
    stops |= _silver(lake, here & (pc.field("enqueued_hour") == hour_of(bronze[0]["enqueued_at"])))
    stops["silver.quarantine_history"] = _rows(
        lake, QUARANTINE_HISTORY, None, here, ("index", "reason", "message", "quarantined_in", "replayed_in", "became")
    )
    readings = stops["silver.readings"]
    on_its_days = here & pc.field("event_date").isin(sorted({row["recorded_at"].date() for row in readings}))
    stops["silver.reading_flags"] = _rows(lake, READING_FLAGS, None, on_its_days, ("index", "code", "message"))
    for made in LEVEL_TABLES:
        stops[made.table.path.replace("/", ".")] = [
            window for row in readings for window in _windows(lake, made.table, _start(row, made.seconds), row)
        ]
    for table in _OF_DEVICES:
        stops[f"gold.{table.name}"] = _days(lake, table, readings)
    stops |= _facts(settings, readings)
    return {"event": event, "found": True, "outcome": _outcome(stops), "stops": stops}


def why_absent(settings: Settings, event: str) -> str:
    """What to tell who asks for an event that Bronze does not hold."""
    lake, (hub, partition_id, epoch, _) = Lake.of(settings), reference(event)
    if not lake.exists(BRONZE_TELEMETRY):
        return f"the lake at {lake.root} holds no events yet: lakehouse ingest bronze"
    numbers = lake.rows(BRONZE_TELEMETRY, columns=EVENT_NAMES).group_by(list(EVENT_NAMES[:3]))
    streams = {
        (row["hub"], row["partition_id"], row["epoch"]): (row["sequence_number_min"], row["sequence_number_max"])
        for row in numbers.aggregate([("sequence_number", "min"), ("sequence_number", "max")]).to_pylist()
    }
    if held := streams.get((hub, partition_id, epoch)):
        return f"Bronze does not hold {event}: of {hub}/{partition_id}/{epoch} it holds {held[0]} to {held[1]}"
    names = ", ".join("/".join(map(str, stream)) for stream in sorted(streams)) or "no stream yet"
    return f"Bronze does not hold {event}: it holds {names}"


def _silver(lake: Lake, here: ds.Expression) -> dict[str, list[dict[str, Any]]]:
    state = snapshot(lake)
    if state is None:
        return {"silver.readings": [], "silver.quarantine": [], "silver.duplicates": []}
    quarantine = ("index", "reason", "field", "value", "message", "mapping_id", *_WINNER, "silver_batch")
    duplicates = ("index", "device_id", "metric", "channel", "recorded_at", *_WINNER, "silver_batch")
    return {
        "silver.readings": _rows(lake, READINGS, state.readings, here, _READING),
        "silver.quarantine": _with_winner(_rows(lake, QUARANTINE, state.quarantine, here, quarantine)),
        "silver.duplicates": _with_winner(_rows(lake, DUPLICATES, state.duplicates, here, duplicates)),
    }


def _with_winner(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The four columns of the accepted event as its name, to be followed in turn."""
    for row in rows:
        winner = [row.pop(name) for name in _WINNER]
        row["winner"] = None if winner[0] is None else "/".join(map(str, winner))
    return rows


def _outcome(stops: dict[str, list[dict[str, Any]]]) -> str:
    rejected = bool(stops["silver.quarantine"])
    if stops["silver.readings"]:
        return "partial" if rejected else "accepted"
    if rejected:
        return "quarantined"
    return "duplicate" if stops["silver.duplicates"] else "waiting"


def _rows(
    lake: Lake, table: Table, version: int | None, where: ds.Expression, columns: Sequence[str]
) -> list[dict[str, Any]]:
    if not lake.exists(table):
        return []
    found: list[dict[str, Any]] = lake.rows(table, version=version, columns=columns, where=where).to_pylist()
    return sorted(found, key=lambda row: row.get("index", 0))


def _start(reading: dict[str, Any], seconds: int) -> datetime:
    """Start of the window that counts the reading."""
    window = timedelta(seconds=seconds)
    start: datetime = _EPOCH + (reading["recorded_at"] - _EPOCH) // window * window
    return start


def _windows(lake: Lake, table: Table, start: datetime, row: dict[str, Any]) -> list[dict[str, Any]]:
    where = (pc.field("event_date") == start.date()) & (pc.field("window_start") == start) & _series(table, row)
    if "state" in table.names and row["value_text"] is not None:
        where &= pc.field("state") == row["value_text"]
    return _rows(lake, table, None, where, [name for name in _WINDOW if name in table.names])


def _series(table: Table, row: dict[str, Any]) -> ds.Expression:
    """Rows of the reading's series, by as much of its name as the table has."""
    named = [pc.field(name) == row[name] for name in ("device_id", "metric", "channel") if name in table.names]
    return reduce(and_, named)


def _days(lake: Lake, table: Table, readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the readings' dates, each once."""
    found: list[dict[str, Any]] = []
    for row in readings:
        where = (pc.field("event_date") == row["recorded_at"].date()) & _series(table, row)
        found += [each for each in _rows(lake, table, None, where, table.names) if each not in found]
    return found


def _facts(settings: Settings, readings: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the marts that count the readings, as readers of either engine see them."""
    stops: dict[str, list[dict[str, Any]]] = {"warm.fct_readings_hourly": [], "warm.fct_readings_daily": []}

    def work(session: Session) -> None:
        for row in readings:
            hour = _start(row, LEVELS["1h"]).replace(tzinfo=None)
            for fact, at, value in (
                ("fct_readings_hourly", "window_start", hour),
                ("fct_readings_daily", "event_date", hour.date()),
            ):
                asked = [row["device_id"], row["metric"], row["channel"], value]
                cells = session.execute(_FACTS.format(fact=fact, at=at), asked)
                stops[f"warm.{fact}"] += [dict(zip((*_FACT, at), each, strict=True)) for each in cells]

    if readings:
        with suppress(WarmMissingError):
            engine_of(settings).read(work)
    return stops
