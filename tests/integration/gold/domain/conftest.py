"""A lake whose Silver and Gold levels are made from a list of readings by Polars, and a register written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from assets.date_state import record
from assets.gold.domain.due import due
from assets.gold.domain.load import DomainLoad, load_domain
from lake.fence import write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.entities import DIGITAL_TWIN, ENGAGEMENT, IOT_DEVICE, SITE, SITE_RETURN, Entity
from quality.contracts.gold_tables import LEVELS
from quality.contracts.model import Table
from quality.contracts.tables import AGGREGATES, BATCHES, DUPLICATES, QUARANTINE, READING_FLAGS, READINGS

ENTITIES = {entity.name: entity for entity in (SITE, IOT_DEVICE, DIGITAL_TWIN, ENGAGEMENT, SITE_RETURN)}
BLANK = {
    "string": "", "long": 0, "int": 0, "double": 0.0, "boolean": False, "binary": b"", "map": [], "counts": [],
    "strings": [], "dates": [], "timestamp": datetime(2020, 1, 1, tzinfo=UTC), "date": date(2020, 1, 1),
}  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rows_of(table: Table, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Full rows from the fields that matter; the others are null, or blank where they may not be."""
    blank = {column.name: None if column.null else BLANK[column.type] for column in table.columns}
    return pa.Table.from_pylist([blank | row for row in rows], schema=arrow_schema(table))


@dataclass
class Estate:
    """One lake; what it is told is at once in Silver and in every level of Gold."""

    lake: Lake
    batch: int = 0
    readings: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    flags: list[dict[str, Any]] = field(default_factory=list)
    interval: float | None = 900.0

    def read(self, *readings: dict[str, Any], heard: str | None = None, flagged: Sequence[int] = ()) -> None:
        """Readings arrive: `device`, `at`, `value` or `state`, and `metric` where it is not air_temperature."""
        self.batch += 1
        first = len(self.readings)
        for number, given in enumerate(readings, first):
            state = given.get("state")
            when = at(given["at"]) if isinstance(given["at"], str) else given["at"]
            self.readings.append({
                "device_id": given.get("device", "d1"), "metric": given.get("metric", "air_temperature"),
                "channel": given.get("channel", ""), "recorded_at": when, "discriminator": "",
                "value": None if state else float(given["value"]), "value_text": state, "unit": "degC",
                "sequence_number": number, "silver_batch": self.batch, "enqueued_at": when,
                "enqueued_hour": f"{when:%Y-%m-%d-%H}", "mapping_id": "made",
            })  # fmt: skip
        fresh = self.readings[first:]
        self.flags += [
            {**self.readings[n], "event_date": self.readings[n]["recorded_at"].date(), "code": "stuck"} for n in flagged
        ]
        days = sorted({row["recorded_at"].date() for row in fresh})
        reached = at(heard) if heard else datetime(2100, 1, 1, tzinfo=UTC)
        log = {"batch": self.batch, "event_dates": days, "reached": [("t/0/0", int(reached.timestamp() * 1e6))]}
        fence = {"silver/batch": self.batch}
        write(self.lake.open(BATCHES), rows_of(BATCHES, [log]), fence)
        for table in (QUARANTINE, DUPLICATES):
            write(self.lake.open(table), arrow_schema(table).empty_table(), fence, metadata=fence)
        write(self.lake.open(READINGS), rows_of(READINGS, fresh), fence, metadata=fence)
        self._gold(days)
        write(self.lake.open(READING_FLAGS), rows_of(READING_FLAGS, self.flags), {}, mode="overwrite")
        for lane in ("readings", "flags"):
            record(self.lake, self.lake.identity(), lane, self.batch, dict.fromkeys(days, 1))

    def _gold(self, days: Sequence[date]) -> None:
        frame = self.frame()
        for level, seconds in LEVELS.items():
            table = AGGREGATES[level]
            made = frame.filter(pl.col("value").is_not_null()).sort("recorded_at")
            rows = (
                made.with_columns(window_start=pl.col("recorded_at").dt.truncate(f"{seconds}s"))
                .group_by("device_id", "metric", "channel", "window_start", "unit")
                .agg(
                    event_date=pl.col("recorded_at").first().dt.date(),
                    reading_count=pl.len().cast(pl.Int64),
                    min_value=pl.col("value").min(),
                    max_value=pl.col("value").max(),
                    avg_value=pl.col("value").mean(),
                    stdev_value=pl.col("value").std(),
                    first_value=pl.col("value").first(),
                    last_value=pl.col("value").last(),
                )
                .to_dicts()
            )
            for row in rows:
                row["expected_count"] = seconds / self.interval if self.interval else None
                row["completeness"] = row["reading_count"] / row["expected_count"] if self.interval else None
            self.put(table, rows)

    def put(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """A table holds these rows and no others."""
        write(self.lake.open(table), rows_of(table, rows), {}, mode="overwrite")

    def frame(self) -> pl.DataFrame:
        """Everything that was ever read."""
        schema = {"value": pl.Float64, "value_text": pl.String}
        return pl.DataFrame(self.readings, schema_overrides=schema, infer_schema_length=None)

    def register(self, name: str, *rows: dict[str, Any]) -> None:
        """Versions of an entity: `since` and `until` are when they hold, the other fields are the entity's."""
        entity: Entity = ENTITIES[name]
        self.said[name] = [
            {
                "expected_to_report": True,
                **{key: value for key, value in row.items() if key not in {"since", "until"}},
                "valid_from": at(row.get("since", "2000-01-01")),
                "valid_to": at(row["until"]) if "until" in row else None,
                "is_current": "until" not in row,
            }
            for row in rows
        ]
        known = set(entity.table.names)
        self.put(entity.table, [{k: v for k, v in row.items() if k in known} for row in self.said[name]])

    def load(self, *days: date, **more: Any) -> DomainLoad:
        """Make what is due, or these dates."""
        return load_domain(self.lake, days or list(due(self.lake)), **more)

    def rows(self, table: Table, **where: Any) -> list[dict[str, Any]]:
        """Rows of a table in the order of its key."""
        rows = self.lake.rows(table).to_pylist() if self.lake.exists(table) else []
        found = [row for row in rows if all(row[name] == value for name, value in where.items())]
        return sorted(found, key=lambda row: [row[name] for name in table.key])


@pytest.fixture(name="at", scope="session")
def at_fixture() -> Callable[[str], datetime]:
    return at


@pytest.fixture(name="steady", scope="session")
def steady_fixture() -> Callable[..., list[dict[str, Any]]]:
    return steady


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """Two days on which clocks change, a device that moves at noon, one unknown, one silent, days of nothing."""
    estate = Estate(Lake(str(tmp_path_factory.mktemp("world") / "lake")))
    estate.register(
        "site",
        {"site_id": "L", "time_zone": "Europe/London"},
        {"site_id": "A", "time_zone": "Australia/Adelaide"},
        {"site_id": "K", "time_zone": "Asia/Kathmandu"},
        {"site_id": "X", "time_zone": "Mars/Olympus"},
    )
    estate.register(
        "iot_device",
        {"device_id": "moves", "site_id": "L", "until": "2026-03-29T12:00:00"},
        {"device_id": "moves", "site_id": "A", "since": "2026-03-29T12:00:00"},
        {"device_id": "silent", "site_id": "L", "interval_s": 900.0},
        {"device_id": "planned", "site_id": "L", "expected_to_report": False},
        {"device_id": "south", "site_id": "A"},
        {"device_id": "peak", "site_id": "K"},
        {"device_id": "astray", "site_id": "X"},
    )
    estate.register(
        "digital_twin",
        {"twin_id": "t1", "device_id": "moves", "until": "2026-03-29T18:00:00"},
        {"twin_id": "t2", "device_id": "moves", "since": "2026-03-29T18:00:00"},
    )
    estate.read(
        *steady("2026-03-28", "2026-03-30T06:10", device="moves", value=19.8),
        *steady("2026-03-29", "2026-03-30", device="unknown", value=24.0, every=1800),
        *steady("2026-03-29", "2026-03-29T06:00", device="south", metric="co2", value=1e9),
        *steady("2026-04-04", "2026-04-06", device="south", value=25.5, every=600),
        *steady("2026-04-04T17:00", "2026-04-04T19:30", device="peak", every=300),
        {"device": "astray", "at": "2026-04-04T23:59:59", "value": 10},
        {"device": "moves", "metric": "fan_status", "at": "2026-03-28T22:00", "state": "on"},
        {"device": "moves", "metric": "fan_status", "at": "2026-03-29T03:00", "state": "on"},
        {"device": "moves", "metric": "fan_status", "at": "2026-03-29T09:30", "state": "off"},
        {"device": "moves", "metric": "fan_status", "at": "2026-03-29T20:00", "state": "on"},
        {"device": "moves", "metric": "battery_level", "at": "2026-03-28T10:00", "value": 15},
        {"device": "moves", "metric": "battery_level", "at": "2026-03-28T11:00", "value": 90},
        flagged=(0, 1, 2),
    )
    estate.load()
    return estate


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate(Lake(str(tmp_path / "lake")))


def steady(
    begin: str, end: str, *, every: int = 900, device: str = "d1", value: float = 20.0, **more: Any
) -> list[dict[str, Any]]:
    """A reading each so many seconds, end excluded, each a little other than the one before."""
    when, found = at(begin), []
    while when < at(end):
        found.append({"at": when, "device": device, "value": value + (len(found) * 7919 % 1000) / 1000, **more})
        when += timedelta(seconds=every)
    return found
