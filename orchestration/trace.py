"""Follow one event: what each tier made of it.

Belongs here: the look-ups by event reference, tier by tier.
Does not: showing them (`orchestration.cli.ledger`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.silver.intake import hour_of
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import (
    AGGREGATES,
    BRONZE_TELEMETRY,
    DUPLICATES,
    EVENT_NAMES,
    LEVELS,
    QUARANTINE,
    QUARANTINE_HISTORY,
    READINGS,
)
from settings.model import Settings

_READING = (
    *("index", "device_id", "metric", "channel", "recorded_at"),
    *("value", "value_text", "unit", "mapping_id", "silver_batch"),
)
_DUPLICATE = ("index", "metric", "recorded_at", *(f"winner_{name}" for name in EVENT_NAMES))


def reference(event: str) -> tuple[str, str, int, int]:
    """Parse `hub/partition/epoch/sequence`.

    Raises: ValueError with the right form in the text.
    """
    parts = event.rsplit("/", 3)
    if len(parts) != 4 or not parts[2].isdigit() or not parts[3].isdigit():
        raise ValueError(f"{event!r} names no event; write hub/partition/epoch/sequence, e.g. telemetry/0/0/42")
    return parts[0], parts[1], int(parts[2]), int(parts[3])


def follow(settings: Settings, event: str) -> dict[str, Any]:
    """Every stop of the event: {"event", "found", "stops": {table: [rows]}}."""
    lake = Lake.of(settings)
    hub, partition_id, epoch, number = reference(event)
    here = (
        (pc.field("hub") == hub)
        & (pc.field("partition_id") == partition_id)
        & (pc.field("epoch") == epoch)
        & (pc.field("sequence_number") == number)
    )
    stops: dict[str, list[dict[str, Any]]] = {}
    bronze = _rows(lake, BRONZE_TELEMETRY, None, here, BRONZE_TELEMETRY.names)
    for row in bronze:
        row["properties"] = dict(row["properties"])
    stops["bronze.telemetry"] = bronze
    state = snapshot(lake)
    if bronze and state:
        silver = here & (pc.field("enqueued_hour") == hour_of(bronze[0]["enqueued_at"]))
        stops["silver.readings"] = _rows(lake, READINGS, state.readings, silver, _READING)
        stops["silver.quarantine"] = _rows(
            lake, QUARANTINE, state.quarantine, silver, ("index", "reason", "field", "value", "message", "mapping_id")
        )
        stops["silver.duplicates"] = _rows(
            lake,
            DUPLICATES,
            state.duplicates,
            silver,
            _DUPLICATE,
        )
        stops["silver.quarantine_history"] = _rows(
            lake, QUARANTINE_HISTORY, None, here, ("index", "reason", "message", "quarantined_in", "replayed_in")
        )
        for level, table in AGGREGATES.items():
            stops[f"gold.{table.name}"] = _windows(lake, table, LEVELS[level], stops["silver.readings"])
    return {"event": event, "found": bool(bronze), "stops": stops}


def _rows(
    lake: Lake, table: Table, version: int | None, where: ds.Expression, columns: tuple[str, ...]
) -> list[dict[str, Any]]:
    if not lake.exists(table):
        return []
    found: list[dict[str, Any]] = lake.rows(table, version=version, columns=columns, where=where).to_pylist()
    return found


def _windows(lake: Lake, table: Table, seconds: int, readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The windows that count the readings."""
    found: list[dict[str, Any]] = []
    for reading in readings:
        since = reading["recorded_at"] - datetime(1970, 1, 1, tzinfo=UTC)
        start = datetime(1970, 1, 1, tzinfo=UTC) + since // timedelta(seconds=seconds) * timedelta(seconds=seconds)
        where = (
            (pc.field("event_date") == start.date())
            & (pc.field("window_start") == start)
            & (pc.field("device_id") == reading["device_id"])
            & (pc.field("metric") == reading["metric"])
            & (pc.field("channel") == reading["channel"])
        )
        columns = ("metric", "channel", "window_start", "reading_count", "min_value", "max_value", "avg_value")
        found += _rows(lake, table, None, where, columns)
    return found
