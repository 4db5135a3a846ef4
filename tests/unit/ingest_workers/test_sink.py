from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.compute as pc
import pytest

from ingest_workers.bronze_table import BronzeTable
from ingest_workers.lost import Gap
from ingest_workers.sink import Sink, TransportChangedError
from lake import fence
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY


def numbers(lake, partition: str) -> list[int]:
    found = lake.rows(
        BRONZE_TELEMETRY, columns=["sequence_number"], where=pc.field("partition_id") == partition
    ).column("sequence_number")
    return sorted(found.to_pylist())


def test_a_flush_is_one_commit_of_all_its_partitions(lake, sink, make_rows):
    before = lake.open(BRONZE_TELEMETRY).version()
    outcome = sink.commit({"0": make_rows("0", range(5)), "1": make_rows("1", range(3))})
    table = lake.open(BRONZE_TELEMETRY)
    assert table.version() == before + 1
    assert outcome.rows == 8
    assert outcome.positions == {"0": 4, "1": 2}
    assert table.transaction_version("bronze/local/telemetry/0/0") == 4
    assert table.transaction_version("bronze/local/telemetry/1/0") == 2


def test_a_row_is_the_event(lake, sink, make_rows):
    sink.commit({"0": make_rows("0", [7], body=b"\x00\xff")})
    (row,) = lake.rows(BRONZE_TELEMETRY).to_pylist()
    assert row == {
        "ingest_date": date(2026, 11, 21),
        "hub": "telemetry",
        "partition_id": "0",
        "epoch": 0,
        "sequence_number": 7,
        "offset": "2800",
        "enqueued_at": datetime(2026, 11, 21, 3, 0, 0, 7000, UTC),
        "ingested_at": datetime(2026, 11, 21, 3, 0, 0, 7005, UTC),
        "device_id": "device-1",
        "content_type": "application/json",
        "content_encoding": None,
        "schema_ref": "simulator.v1",
        "properties": [("schema", "simulator.v1")],
        "body": b"\x00\xff 0/7",
        "erased_at": None,
    }


def test_the_files_have_the_types_of_the_contract(lake, sink, make_rows):
    sink.commit({"0": make_rows("0", range(2))})
    assert lake.dataset(BRONZE_TELEMETRY).to_table().schema.equals(arrow_schema(BRONZE_TELEMETRY))


def test_replaying_a_flush_writes_nothing(lake, sink, make_rows):
    sink.commit({"0": make_rows("0", range(10))})
    version = lake.open(BRONZE_TELEMETRY).version()
    outcome = sink.commit({"0": make_rows("0", range(10))})
    assert (outcome.rows, outcome.already_there) == (0, 10)
    assert lake.open(BRONZE_TELEMETRY).version() == version


def test_only_the_unseen_end_of_a_flush_is_written(lake, sink, make_rows):
    sink.commit({"0": make_rows("0", range(10))})
    outcome = sink.commit({"0": make_rows("0", range(5, 15)), "1": make_rows("1", range(2))})
    assert (outcome.rows, outcome.already_there) == (7, 5)
    assert numbers(lake, "0") == list(range(15))


def test_a_zombie_writer_is_fenced(lake, sink, make_rows, monkeypatch):
    """It has filtered by the old fence when another commits the same events: it must filter anew, not write."""
    sink.commit({"0": make_rows("0", range(5))})
    fresh = BronzeTable.fresh
    raced: list[int] = []

    def overtaken(self):
        stale = fresh(self)
        if not raced:
            raced.append(stale.version())
            Sink(lake, "local", "telemetry", 0, "amqp").commit({"0": make_rows("0", range(5, 12))})
        return stale

    monkeypatch.setattr(BronzeTable, "fresh", overtaken)
    outcome = sink.commit({"0": make_rows("0", range(5, 10))})
    monkeypatch.undo()
    assert raced
    assert (outcome.rows, outcome.already_there) == (0, 5)
    assert numbers(lake, "0") == list(range(12))


@pytest.mark.parametrize("shared", [False, True], ids=["each its own sink", "one sink"])
def test_two_writers_at_once_write_each_event_once(lake, sink, make_rows, shared):
    failures: list[BaseException] = []

    def write(step: int) -> None:
        mine = sink if shared else Sink(lake, "local", "telemetry", 0, "amqp")
        try:
            for first in range(0, 200, step):
                mine.commit({name: make_rows(name, range(first, min(first + step, 200))) for name in ("0", "1")})
        except BaseException as problem:
            failures.append(problem)
            raise

    threads = [threading.Thread(target=write, args=(step,)) for step in (20, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures
    assert numbers(lake, "0") == numbers(lake, "1") == list(range(200))


def test_nobody_moves_the_snapshot_between_the_fence_and_the_commit(lake, sink, make_rows, monkeypatch):
    """Two threads with one sink, the second let in where the first has filtered and not yet committed."""
    sink.commit({"0": make_rows("0", range(5))})
    unseen = Sink._unseen
    second = threading.Thread(target=lambda: sink.commit({"0": make_rows("0", range(5, 10))}))

    def slowly(self, table, flush):
        found = unseen(self, table, flush)
        if second.ident is None:
            second.start()
            second.join(0.5)
        return found

    monkeypatch.setattr(Sink, "_unseen", slowly)
    sink.commit({"0": make_rows("0", range(5, 10))})
    second.join(60)
    assert numbers(lake, "0") == list(range(10))


def test_two_hubs_and_two_epochs_do_not_fence_each_other(lake, sink, make_rows):
    others = [
        replace(sink, hub="other"),
        replace(sink, epoch=1),
        replace(sink, namespace="elsewhere"),
    ]
    outcomes = [writer.commit({"0": make_rows("0", range(3))}).rows for writer in (sink, *others)]
    assert outcomes == [3, 3, 3, 3]


def test_events_of_two_days_are_in_two_partitions(lake, sink, make_rows):
    day_us = 86_400_000_000
    sink.commit({"0": make_rows("0", range(3), apart_us=day_us)})
    dates = lake.rows(BRONZE_TELEMETRY, columns=["ingest_date"]).column("ingest_date").to_pylist()
    assert sorted(dates) == [date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)]


def test_readers_prune_by_time_and_number_and_lose_no_row(lake, sink, make_rows):
    """The statistics a file states must cover its rows to the microsecond."""
    sink.commit({"0": make_rows("0", range(10), apart_us=1)})
    sink.commit({"0": make_rows("0", range(10, 20), apart_us=1)})
    at = datetime(2026, 11, 21, 3, 0, 0, 9, UTC)
    found = lake.rows(BRONZE_TELEMETRY, columns=["sequence_number"], where=pc.field("enqueued_at") == at)
    assert found.column("sequence_number").to_pylist() == [9]
    fragments = list(lake.dataset(BRONZE_TELEMETRY).get_fragments(filter=pc.field("sequence_number") > 9))
    assert len(fragments) == 1


def test_a_hole_is_counted_once_and_does_not_stop_the_stream(lake, sink, make_rows):
    sink.commit({"0": make_rows("0", range(5))})
    outcome = sink.commit({"0": make_rows("0", [8, 9, 12])})
    assert outcome.gaps == [Gap("0", 5, 7), Gap("0", 10, 11)]
    assert sum(gap.events for gap in outcome.gaps) == 5
    assert sink.commit({"0": make_rows("0", [12, 13])}).gaps == []
    assert numbers(lake, "0") == [0, 1, 2, 3, 4, 8, 9, 12, 13]


def test_a_hub_that_begins_late_has_no_hole_before_its_first_event(sink, make_rows):
    assert sink.commit({"0": make_rows("0", range(1000, 1005))}).gaps == []


@pytest.mark.parametrize("order", [[2, 0, 1], [0, 1, 1, 2], [0, 2, 1, 0]])
def test_events_out_of_order_are_written_in_order_and_once(lake, sink, make_rows, order):
    outcome = sink.commit({"0": make_rows("0", order)})
    assert outcome.positions == {"0": 2}
    assert lake.rows(BRONZE_TELEMETRY, columns=["sequence_number"]).column(0).to_pylist() == [0, 1, 2]


def test_positions_are_where_bronze_ends(sink, make_rows):
    sink.commit({"0": make_rows("0", range(5))})
    assert sink.positions(["0", "1"]) == {"0": 4, "1": None}


def test_another_transport_is_refused(sink, make_rows):
    sink.commit({"0": make_rows("0", range(5))})
    with pytest.raises(TransportChangedError, match="read by amqp .* this worker reads by kafka"):
        replace(sink, transport="kafka").positions(["0"])


def test_the_transport_is_remembered_when_the_log_was_cleaned_up(lake, sink, make_rows):
    """Commits and what they say of themselves go after 30 days; the txn stays."""
    sink.commit({"0": make_rows("0", range(5))})
    replace(sink, hub="other").commit({"0": make_rows("0", range(5))})
    table = lake.open(BRONZE_TELEMETRY)
    table.create_checkpoint()
    for entry in (Path(lake.uri(BRONZE_TELEMETRY)) / "_delta_log").glob("*.json"):
        os.utime(entry, (0, 0))
    table.cleanup_metadata()
    assert not any(commit.get("origin") == sink.origin for commit in lake.open(BRONZE_TELEMETRY).history())
    with pytest.raises(TransportChangedError, match="read by amqp"):
        replace(sink, transport="kafka").positions(["0"])
    assert sink.positions(["0"]) == {"0": 4}


def test_only_the_first_commit_of_a_transport_names_it(lake, sink, make_rows):
    """Otherwise any two workers that commit at the same time would be in conflict."""
    for begin in (0, 5):
        sink.commit({"0": make_rows("0", range(begin, begin + 5))})
    entries = sorted((Path(lake.uri(BRONZE_TELEMETRY)) / "_delta_log").glob("*.json"))
    naming = ["/transport/" in entry.read_text() for entry in entries]
    assert naming == [False, True, False]


def test_the_transport_is_found_behind_other_commits(lake, sink, make_rows):
    sink.commit({"0": make_rows("0", range(5))})
    replace(sink, hub="other", transport="kafka").commit({"0": make_rows("0", range(5))})
    lake.open(BRONZE_TELEMETRY).optimize.compact()
    assert sink.positions(["0"]) == {"0": 4}
    with pytest.raises(TransportChangedError):
        replace(sink, transport="kafka").positions(["0"])


def test_a_compacted_table_keeps_the_fence(lake, sink, make_rows):
    for first in (0, 5):
        sink.commit({"0": make_rows("0", range(first, first + 5))})
    lake.open(BRONZE_TELEMETRY).optimize.compact()
    lake.open(BRONZE_TELEMETRY).create_checkpoint()
    assert sink.commit({"0": make_rows("0", range(12))}).rows == 2
    assert numbers(lake, "0") == list(range(12))


def test_the_commit_says_what_it_took(lake, sink, make_rows):
    sink.commit({"0": make_rows("0", range(5))})
    (commit,) = lake.open(BRONZE_TELEMETRY).history(1)
    assert {key: commit[key] for key in ("transport", "origin", "events")} == {
        "transport": "amqp",
        "origin": "local/telemetry/0",
        "events": "5",
    }


def test_files_state_what_delta_itself_would(lake, sink, make_rows):
    """Same bounds as delta-rs writes for the same rows, but whole microseconds."""
    sink.commit({"0": make_rows("0", range(3))})
    log = Path(lake.uri(BRONZE_TELEMETRY)) / "_delta_log"
    ours = _stats(log, 1)
    rows = lake.rows(BRONZE_TELEMETRY)
    fence.append(lake, BRONZE_TELEMETRY, rows)
    theirs = _stats(log, 2)
    assert ours["numRecords"] == theirs["numRecords"]
    for kind in ("minValues", "maxValues"):
        for name in ("hub", "partition_id", "epoch", "sequence_number"):
            assert ours[kind][name] == theirs[kind][name]
        assert ours[kind]["enqueued_at"].startswith(theirs[kind]["enqueued_at"].rstrip("Z"))
    assert theirs["nullCount"].items() <= ours["nullCount"].items()


def _stats(log: Path, version: int) -> dict:
    lines = (log / f"{version:020d}.json").read_text().splitlines()
    (add,) = [json.loads(line)["add"] for line in lines if '"add"' in line]
    return json.loads(add["stats"])
