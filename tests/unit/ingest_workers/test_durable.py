from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest_workers import bronze_table
from ingest_workers.durable import DurableLog
from ingest_workers.sink import Sink
from quality.contracts.tables import BRONZE_TELEMETRY


@pytest.fixture
def table(lake) -> Path:
    return Path(lake.uri(BRONZE_TELEMETRY))


@pytest.fixture
def synced(monkeypatch) -> list[str]:
    """Everything that is made durable, in order."""
    seen: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        seen.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    return seen


def test_a_commit_is_acknowledged_after_data_log_and_folders_are_durable(sink, table, make_rows, synced):
    sink.commit({"0": make_rows("0", range(5)), "1": make_rows("1", range(5), apart_us=86_400_000_000)})
    data = [str(path) for path in table.glob("ingest_date=*/*.parquet")]
    dates = {str(path) for path in table.glob("ingest_date=*")}
    entry = str(table / "_delta_log" / f"{1:020d}.json")
    assert len(data) == 5
    assert {*data, *dates, str(table), entry} <= set(synced)
    assert max(map(synced.index, data)) < synced.index(entry)
    assert synced[-1] == str(table / "_delta_log")


def test_entries_of_others_that_a_commit_builds_on_are_durable_with_it(lake, sink, table, make_rows, synced):
    sink.commit({"0": make_rows("0", range(5))})
    for first in (5, 10):
        Sink(lake, "other", "telemetry", 0, "amqp").commit({"0": make_rows("0", range(first, first + 5))})
    lake.open(BRONZE_TELEMETRY).optimize.compact()
    synced.clear()
    sink.commit({"0": make_rows("0", range(5, 10))})
    entries = [Path(path).name for path in synced if path.endswith(".json")]
    assert entries == [f"{version:020d}.json" for version in (2, 3, 4, 5)]


@pytest.mark.parametrize("torn", [b"", b'{"commitInfo":{"times', b"\x00" * 512, b'{"commitInfo":{}}\n{"add":'])
def test_an_entry_torn_by_a_power_cut_is_taken_away_and_its_events_written_again(lake, sink, table, make_rows, torn):
    sink.commit({"0": make_rows("0", range(5))})
    (table / "_delta_log" / f"{2:020d}.json").write_bytes(torn)
    after = Sink(lake, "local", "telemetry", 0, "amqp")
    assert after.commit({"0": make_rows("0", range(10))}).rows == 5
    assert lake.open(BRONZE_TELEMETRY).version() == 2
    assert lake.rows(BRONZE_TELEMETRY, columns=["sequence_number"]).num_rows == 10


def test_a_whole_newest_entry_stays(sink, table, make_rows):
    sink.commit({"0": make_rows("0", range(5))})
    before = sorted((table / "_delta_log").iterdir())
    DurableLog(table).mend()
    assert sorted((table / "_delta_log").iterdir()) == before


def test_the_table_object_is_kept_and_brought_up_to_date(lake, make_rows, monkeypatch):
    opened: list[int] = []
    open_ = type(lake).open

    def counted(self, table, version=None):
        opened.append(1)
        return open_(self, table, version)

    monkeypatch.setattr(type(lake), "open", counted)
    kept = bronze_table.BronzeTable(lake)
    other = Sink(lake, "local", "telemetry", 0, "amqp")
    assert kept.fresh().version() == 0
    other.commit({"0": make_rows("0", range(5))})
    before = len(opened)
    assert kept.fresh().transaction_version(other.app_id("0")) == 4
    assert len(opened) == before
