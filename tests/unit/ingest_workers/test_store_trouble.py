"""The lake is slow, full, down or vague: what was taken over is committed once, and memory stays bounded."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
import structlog
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from ingest_workers.buffer import Buffer
from ingest_workers.sink import Sink
from ingest_workers.worker import Patience, Worker
from quality.contracts.tables import BRONZE_TELEMETRY

QUICK = Patience(start=2, store=60, look=0.1, silence=30)


def held(lake) -> list[tuple[str, int]]:
    rows = lake.rows(BRONZE_TELEMETRY, columns=["partition_id", "sequence_number"]).to_pylist()
    return sorted((row["partition_id"], row["sequence_number"]) for row in rows)


def test_a_full_disk_is_named_and_recovered_from_once_there_is_room(lake, sink, make_hub, monkeypatch):
    """Data files go to /dev/full, where every write ends in ENOSPC."""
    full = iter([True, True, True])
    opened = pa.OSFile
    monkeypatch.setattr(pa, "OSFile", lambda path, mode: opened("/dev/full" if next(full, False) else path, mode))
    with structlog.testing.capture_logs() as said:
        summary = Worker(
            make_hub({"0": 100}), Buffer(rows=50, size=10**8, seconds=0.1, limit=10**8), sink, patience=QUICK
        ).run(until_head=True)
    assert summary.committed == 100
    assert held(lake) == [("0", n) for n in range(100)]
    troubles = [line for line in said if "recovers" in line]
    assert {(line["what"], line["recovers"]) for line in troubles} == {("disk full", "needs you")}
    assert "make room" in troubles[0]["todo"]


def test_a_data_file_that_could_not_be_finished_leaves_no_bytes_behind(lake, sink, make_rows, monkeypatch):
    from ingest_workers import data_files

    sink.commit({"0": make_rows("0", range(5))})
    before = set(Path(lake.root).rglob("*.parquet"))

    def half(content, out, **options):
        out.write(b"PAR1 and half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data_files.pq, "write_table", half)
    with pytest.raises(OSError, match="No space left"):
        sink.commit({"0": make_rows("0", range(5, 10))})
    assert set(Path(lake.root).rglob("*.parquet")) == before


def test_a_commit_that_arrived_though_the_store_said_no_is_not_repeated(lake, sink, make_hub, monkeypatch):
    """The answer was lost on the way: the retry finds the fence moved."""
    real = DeltaTable.create_write_transaction
    vague = iter([True, False, True])

    def commit(self, *arguments, **options):
        real(self, *arguments, **options)
        if next(vague, False):
            raise DeltaError("operation timed out")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", commit)
    Worker(
        make_hub({"0": 300, "1": 300}), Buffer(rows=150, size=10**8, seconds=0.1, limit=10**8), sink, patience=QUICK
    ).run(until_head=True)
    assert held(lake) == [(name, n) for name in "01" for n in range(300)]


def test_retries_do_not_write_the_data_files_again(lake, sink, make_rows, monkeypatch):
    real = DeltaTable.create_write_transaction
    failures = iter([DeltaError("503"), OSError("connection reset")])

    def commit(self, *arguments, **options):
        problem = next(failures, None)
        if problem is not None:
            raise problem
        real(self, *arguments, **options)

    monkeypatch.setattr(DeltaTable, "create_write_transaction", commit)
    flush = {"0": make_rows("0", range(100))}
    for expected in (DeltaError, OSError):
        with pytest.raises(expected):
            sink.commit(flush)
    assert sink.commit(flush).rows == 100
    assert len(list(Path(lake.uri(BRONZE_TELEMETRY)).glob("ingest_date=*/*.parquet"))) == 1


def test_a_flood_meets_a_store_that_is_down_and_what_is_held_stays_within_the_bound(lake, make_hub):
    """The hub has 40 times what the buffer may hold; nothing is taken from it until there is room."""
    hub = make_hub({"0": 2000, "1": 2000}, body=b"x" * 1000, batch=20)
    limit = hub.partitions["0"].size // 20
    up = threading.Event()

    class Down(Sink):
        def commit(self, flush):
            if not up.is_set():
                raise OSError("no route")
            return super().commit(flush)

    buffer = Buffer(rows=10**6, size=10**9, seconds=60, limit=limit)
    most: list[int] = []
    worker = Worker(
        hub,
        buffer,
        Down(lake, "local", "telemetry", 0, "amqp"),
        patience=QUICK,
        on_progress=lambda _: most.append(buffer.held),
    )
    outcome: list = []
    thread = threading.Thread(target=lambda: outcome.append(worker.run(until_head=True)))
    thread.start()
    deadline = time.monotonic() + 30
    while not buffer.pushing_back and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    while_down = buffer.held
    assert 0 < while_down <= limit
    assert hub.delivered < 400
    up.set()
    thread.join(60)
    assert outcome[0].committed == 4000
    assert max(most) <= limit
    assert held(lake) == [(name, n) for name in "01" for n in range(2000)]


def test_events_larger_than_the_buffer_pass_one_at_a_time(lake, sink, make_hub):
    hub = make_hub({"0": 5, "1": 5}, body=b"x" * 50_000, batch=1)
    summary = Worker(hub, Buffer(rows=100, size=1000, seconds=0.1, limit=1000), sink, patience=QUICK).run(
        until_head=True
    )
    assert summary.committed == 10
    assert held(lake) == [(name, n) for name in "01" for n in range(5)]


@pytest.mark.parametrize("clock", ["1999-12-31T23:59:59+00:00", "2099-01-01T00:00:00+00:00"])
def test_a_clock_that_is_wrong_by_decades_delays_and_loses_nothing(lake, sink, make_hub, monkeypatch, clock):
    monkeypatch.setenv("LAKE_CLOCK_START", clock)
    begun = time.monotonic()
    summary = Worker(
        make_hub({"0": 100}), Buffer(rows=10**6, size=10**9, seconds=0.2, limit=10**9), sink, patience=QUICK
    ).run(until_head=True)
    assert summary.committed == 100
    assert time.monotonic() - begun < 20
    dates = set(lake.rows(BRONZE_TELEMETRY, columns=["ingest_date"]).column("ingest_date").to_pylist())
    assert [str(day) for day in dates] == ["2026-11-21"], "by the hub's clock"
