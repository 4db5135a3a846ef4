"""A Bronze of past days in many small files, and ways to let a week pass."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from assets.maintenance import maintain as maintain_module
from assets.maintenance.maintain import Report, maintain
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.clock import now

WEEK = 8 * 86_400


def event(number: int, at: datetime, partition: str = "0") -> dict:
    return {
        "ingest_date": at.date(), "hub": "hub", "partition_id": partition, "epoch": 0, "sequence_number": number,
        "offset": str(number), "enqueued_at": at, "ingested_at": at + timedelta(seconds=5), "properties": [],
        "content_type": "application/json", "body": b'{"v": %d}' % number,
    }  # fmt: skip


def bronze_rows(numbers: range, day: str, partition: str = "0") -> pa.Table:
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    events = [event(n, midnight + timedelta(milliseconds=1) * (n % 86_000_000), partition) for n in numbers]
    return pa.Table.from_pylist(events, schema=arrow_schema(BRONZE_TELEMETRY))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def fill(lake: Lake) -> Callable[..., None]:
    """So many commits of ten events on a day."""

    def fill(day: str, commits: int = 12, first: int = 0, partition: str = "0") -> None:
        for commit in range(commits):
            start = first + commit * 10
            append(lake, BRONZE_TELEMETRY, bronze_rows(range(start, start + 10), day, partition))

    return fill


@pytest.fixture
def rows() -> Callable[..., pa.Table]:
    return bronze_rows


@pytest.fixture
def numbers(lake: Lake) -> Callable[[], list[tuple[str, int]]]:
    """Every event of Bronze, by name."""

    def read() -> list[tuple[str, int]]:
        held = lake.rows(BRONZE_TELEMETRY, columns=["partition_id", "sequence_number"]).to_pylist()
        return sorted((row["partition_id"], row["sequence_number"]) for row in held)

    return read


@pytest.fixture
def later(lake: Lake, monkeypatch) -> Callable[..., Report]:
    """Maintenance of a table as if it ran so many hours from now."""

    def run(table: Table, hours: float = 3) -> Report:
        monkeypatch.setattr(maintain_module, "now", lambda: now() + timedelta(hours=hours))
        report = maintain(lake, table)
        assert report is not None
        return report

    return run


@pytest.fixture
def a_week_passes(lake: Lake) -> Callable[[Table], None]:
    """Everything the table has so far was done eight days ago: the times in its log, and those of its files."""

    def age(table: Table) -> None:
        folder = Path(lake.root) / table.path
        for entry in (folder / "_delta_log").glob("*.json"):
            if not entry.name[:20].isdigit():
                continue
            actions = [json.loads(line) for line in entry.read_text().splitlines()]
            for action in actions:
                for kind, name in (("remove", "deletionTimestamp"), ("add", "modificationTime")):
                    if kind in action:
                        action[kind][name] -= WEEK * 1000
            entry.write_text("\n".join(map(json.dumps, actions)) + "\n")
        for file in folder.rglob("*.parquet"):
            if "_delta_log" not in file.parts:
                os.utime(file, (time.time() - WEEK,) * 2)

    return age


def in_folder(lake: Lake, table: Table) -> set[str]:
    folder = Path(lake.root) / table.path
    return {str(file.relative_to(folder)) for file in folder.rglob("*.parquet") if "_delta_log" not in file.parts}


@pytest.fixture
def data_files(lake: Lake) -> Callable[[Table], set[str]]:
    """Data files that lie in a table's folder, named by the log or not."""
    return lambda table: in_folder(lake, table)
