from __future__ import annotations

import threading
import time

import pytest
from deltalake.exceptions import DeltaError

from ingest_workers.buffer import Buffer
from ingest_workers.sink import Sink
from ingest_workers.source import SourceError
from ingest_workers.worker import Patience, Worker
from quality.contracts.tables import BRONZE_TELEMETRY

QUICK = Patience(start=2, store=2, look=0.05, silence=0.2)


@pytest.fixture
def work(sink):
    """Run a worker over a hub; small flushes, so that there are several."""

    def run(hub, *, sink=sink, rows=150, seconds=0.2, limit=10**8, patience=QUICK, stop=None, on_progress=None, **how):
        buffer = Buffer(rows=rows, size=10**8, seconds=seconds, limit=limit)
        return Worker(hub, buffer, sink, patience=patience, stop=stop, on_progress=on_progress).run(**how)

    return run


def held(lake) -> list[tuple[str, int]]:
    rows = lake.rows(BRONZE_TELEMETRY, columns=["partition_id", "sequence_number"]).to_pylist()
    return sorted((row["partition_id"], row["sequence_number"]) for row in rows)


def test_everything_the_hub_holds_is_committed(lake, work, make_hub):
    summary = work(make_hub({"0": 500, "1": 300}), until_head=True)
    assert summary.ended == "at head"
    assert (summary.received, summary.committed, summary.gaps) == (800, 800, ())
    assert summary.commits >= 1
    assert summary.positions == {"0": 499, "1": 299}
    assert held(lake) == [("0", n) for n in range(500)] + [("1", n) for n in range(300)]


def test_a_second_run_begins_after_the_first(lake, work, make_hub):
    work(make_hub({"0": 200}), until_head=True)
    hub = make_hub({"0": 250})
    summary = work(hub, until_head=True)
    assert hub.started == [{"0": 199}]
    assert (summary.received, summary.committed) == (50, 50)
    assert held(lake) == [("0", n) for n in range(250)]


def test_an_empty_hub_is_at_its_head_at_once(work, make_hub):
    summary = work(make_hub({"0": 0, "1": 0}), until_head=True)
    assert (summary.ended, summary.committed, summary.commits, summary.positions) == ("at head", 0, 0, {})


def test_a_quiet_hub_ends_an_idle_worker(work, make_hub):
    summary = work(make_hub({"0": 50}), idle_exit=0.4)
    assert (summary.ended, summary.committed) == ("idle", 50)


def test_stopping_commits_what_was_taken_over(lake, work, make_hub):
    stop = threading.Event()
    hub = make_hub({"0": 100})
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(work(hub, seconds=60, rows=10**6, stop=stop)))
    thread.start()
    deadline = time.monotonic() + 5
    while hub.delivered < 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    begun = time.monotonic()
    stop.set()
    thread.join(10)
    assert time.monotonic() - begun < 5
    assert outcome[0].ended == "stopped"
    assert held(lake) == [("0", n) for n in range(100)]


def test_memory_stays_within_the_bound_when_the_lake_is_slow(sink, work, make_hub):
    """The hub holds 20 times the bound; what was delivered and not committed never exceeds it."""
    body = b"x" * 1000
    hub = make_hub({"0": 2000, "1": 2000}, body=body)
    limit = hub.partitions["0"].size // 10
    most = []

    class Slow(Sink):
        def commit(self, flush):
            time.sleep(0.05)
            outcome = super().commit(flush)
            most.append(sum(events.size for events in flush.values()))
            return outcome

    slow = Slow(sink.lake, "local", "telemetry", 0, "amqp")
    summary = work(hub, sink=slow, rows=10**6, seconds=60, limit=limit, until_head=True)
    assert summary.committed == 4000
    assert max(most) <= limit


def test_progress_counts_down_to_nothing(work, make_hub):
    seen = []
    work(make_hub({"0": 400}, first=1000), until_head=True, on_progress=seen.append)
    assert seen[0].lag <= 400
    assert (seen[-1].received, seen[-1].committed, seen[-1].lag) == (400, 400, 0)
    assert [step.committed for step in seen] == sorted(step.committed for step in seen)


def test_a_hub_that_is_not_up_yet_is_waited_for(work, make_hub):
    assert work(make_hub({"0": 10}, unanswered_heads=2), until_head=True).committed == 10


def test_a_hub_that_never_answers_is_an_error_that_says_where_to_look(work, make_hub):
    with pytest.raises(SourceError, match="does not answer.*LAKE_EVENT_HUBS__"):
        work(make_hub({"0": 10}, unanswered_heads=100), until_head=True)


def test_a_hub_created_anew_is_refused(work, make_hub):
    """Its events would begin again at 0 and be dropped as already there."""
    work(make_hub({"0": 200}), until_head=True)
    with pytest.raises(SourceError, match="up to 199, but the hub ends at 9.*LAKE_EVENT_HUBS__EPOCH"):
        work(make_hub({"0": 10}), until_head=True)


def test_events_that_expired_before_they_were_read_are_counted(lake, work, make_hub):
    work(make_hub({"0": 100}), until_head=True)
    summary = work(make_hub({"0": 50}, first=130), until_head=True)
    assert [(gap.first, gap.last) for gap in summary.gaps] == [(100, 129)]
    assert len(held(lake)) == 150


def test_a_silent_partition_is_connected_again(work, make_hub):
    hub = make_hub({"0": 100}, silent_until_recycled=1)
    assert work(hub, until_head=True).committed == 100
    assert hub.recycled == 1


def test_a_partition_that_stays_silent_ends_the_worker(work, make_hub):
    hub = make_hub({"0": 100}, silent_until_recycled=2)
    with pytest.raises(SourceError, match="deliver none, also through new connections"):
        work(hub)
    assert hub.recycled == 1


def test_new_partitions_end_the_worker_so_that_it_reads_them(work, make_hub, make_rows):
    hub = make_hub({"0": 100})
    threading.Timer(0.2, lambda: hub.partitions.update({"1": make_rows("1", range(5))})).start()
    with pytest.raises(SourceError, match=r"new partitions \['1'\]"):
        work(hub)


def test_what_arrived_before_a_failure_is_committed(lake, work, make_hub):
    hub = make_hub({"0": 100}, fail_with=SourceError("no more"))
    with pytest.raises(SourceError, match="no more"):
        work(hub, seconds=60, rows=10**6)
    assert held(lake) == [("0", n) for n in range(100)]


def test_a_lake_that_stumbles_is_asked_again(lake, sink, work, make_hub):
    stumbles = iter([OSError("connection reset"), DeltaError("503")])

    class Stumbling(Sink):
        def commit(self, flush):
            problem = next(stumbles, None)
            if problem is not None:
                raise problem
            return super().commit(flush)

    summary = work(make_hub({"0": 100}), sink=Stumbling(lake, "local", "telemetry", 0, "amqp"), until_head=True)
    assert summary.committed == 100
    assert next(stumbles, None) is None


def test_a_lake_that_stays_down_ends_the_worker_and_loses_nothing(lake, sink, work, make_hub):
    class Down(Sink):
        def commit(self, flush):
            raise OSError("no route")

    hub = make_hub({"0": 100})
    with pytest.raises(OSError, match="no route"):
        work(hub, sink=Down(lake, "local", "telemetry", 0, "amqp"), patience=Patience(store=0.5), until_head=True)
    assert held(lake) == []
    assert work(make_hub({"0": 100}), until_head=True).committed == 100


def test_two_workers_at_once_write_each_event_once(lake, make_hub, work):
    outcome = []
    threads = [
        threading.Thread(target=lambda: outcome.append(work(make_hub({"0": 1000, "1": 1000}), until_head=True)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(outcome) == 2
    assert sum(summary.committed for summary in outcome) == 2000
    assert held(lake) == [(name, n) for name in ("0", "1") for n in range(1000)]
