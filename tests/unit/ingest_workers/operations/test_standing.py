from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest_workers import standing as module
from ingest_workers.observer import Observer, Several
from ingest_workers.sink import Gap
from ingest_workers.standing import Standing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def micros(self, seconds_ago: float = 0) -> int:
        return int((self.now - timedelta(seconds=seconds_ago)).timestamp() * 1e6)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "now", clock)
    return clock


@pytest.fixture
def standing(clock, given) -> Standing:
    made = Standing()
    made.begun("ns/telemetry/0", "amqp", {"0": given.head(0, 99)}, {"0": 99})
    return made


def only(standing: Standing):
    (found,) = standing.partitions()
    return found


def test_a_partition_that_is_all_in_bronze_has_no_lag(standing):
    assert (only(standing).lag_events, only(standing).lag_seconds) == (0, 0.0)


def test_the_lag_is_what_the_hub_has_and_bronze_has_not(standing, given):
    standing.looked({"0": given.head(0, 149)})
    assert only(standing).lag_events == 50


def test_the_lag_in_seconds_is_the_age_of_the_oldest_event_that_waits(standing, clock, given):
    standing.received(given.events("0", range(100, 110), clock.micros(40)))
    standing.received(given.events("0", range(110, 120), clock.micros(10)))
    assert only(standing).lag_seconds == 40
    flush = given.flush(given.events("0", range(100, 110), clock.micros(40)))
    standing.committed(flush, given.outcome(flush), 0.1)
    assert only(standing).lag_seconds == 10


def test_an_event_that_has_not_arrived_is_not_older_than_the_look_that_found_nothing_missing(standing, clock, given):
    """After a quiet day one new event is seconds old, not a day."""
    clock.now += timedelta(days=1)
    standing.looked({"0": given.head(0, 99)})
    clock.now += timedelta(seconds=7)
    standing.looked({"0": given.head(0, 100)})
    assert (only(standing).lag_events, only(standing).lag_seconds) == (1, 7)


def test_a_worker_that_catches_up_is_as_late_as_what_it_commits(standing, clock, given):
    standing.looked({"0": given.head(0, 10_000)})
    flush = given.flush(given.events("0", range(100, 200), clock.micros(86_400)))
    standing.received(flush.partitions["0"])
    standing.committed(flush, given.outcome(flush), 0.1)
    clock.now += timedelta(seconds=60)
    # The look at the start found it caught up, so the next event cannot be a day old.
    assert only(standing).lag_seconds == 60


def test_events_that_the_hub_dropped_are_lost_and_no_lag(standing, clock, given):
    standing.looked({"0": given.head(200, 209)})
    assert only(standing).lag_events == 10
    flush = given.flush(given.events("0", range(200, 210), clock.micros(1)))
    standing.committed(flush, given.outcome(flush, gaps=(Gap("0", 100, 199),)), 0.1)
    assert (only(standing).lag_events, only(standing).lost) == (0, 100)


def test_an_empty_hub_has_no_lag(clock, given):
    standing = Standing()
    standing.begun("o", "amqp", {"0": given.head(0, -1), "1": given.head(50, 49)}, {"0": None, "1": None})
    assert [each.lag_events for each in standing.partitions()] == [0, 0]


def test_a_commit_that_overtakes_its_receipt_leaves_nothing_waiting(standing, clock, given):
    """The receiver's thread may be held up between the buffer and its call."""
    events = given.events("0", range(100, 110), clock.micros(5))
    flush = given.flush(events)
    standing.committed(flush, given.outcome(flush), 0.1)
    standing.received(events)
    assert (only(standing).lag_events, only(standing).lag_seconds) == (0, 0.0)


def test_only_partitions_that_are_ours_are_told(standing, given):
    standing.looked({"0": given.head(0, 99), "1": given.head(0, 9)})
    standing.assigned({"1"}, {"1": 4})
    assert [(each.partition, each.lag_events) for each in standing.partitions()] == [("1", 5)]


def test_it_is_ready_once_it_began_and_not_before(clock, given):
    standing = Standing()
    assert "starting" in standing.why_not_ready()[0]
    standing.begun("o", "amqp", {}, {})
    assert standing.why_not_ready() == []


def test_it_is_not_ready_while_the_lake_takes_no_commit(standing, clock, given):
    standing.retried("store", OSError("503"))
    assert standing.why_not_ready() == ["the lake does not take a commit: 503"]
    flush = given.flush(given.events("0", [100], clock.micros()))
    standing.committed(flush, given.outcome(flush), 0.1)
    assert standing.why_not_ready() == []


def test_it_is_not_ready_while_the_hub_does_not_answer(standing, given):
    standing.retried("hub", ConnectionError("refused"))
    assert standing.why_not_ready() == ["the hub does not answer: refused"]
    standing.looked({"0": given.head(0, 99)})
    assert standing.why_not_ready() == []


def test_it_is_alive_while_its_loop_goes_round_or_retries(standing, monkeypatch):
    at = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: at[0])
    standing.ticked(10, 100)
    at[0] += 299
    assert standing.why_not_alive(300) is None
    at[0] += 2
    assert "no sign of life for 301 s" in standing.why_not_alive(300)
    standing.retried("store", "503")
    assert standing.why_not_alive(300) is None


def test_a_run_that_ended_is_neither_alive_nor_ready(standing):
    standing.ended("OSError: no route")
    assert "no route" in standing.why_not_alive(300)
    assert "no route" in standing.why_not_ready()[0]


def test_an_observer_that_fails_stops_neither_the_worker_nor_the_others(standing, given):
    class Broken(Observer):
        def looked(self, heads):
            raise ValueError("no")

    both = Several([Broken(), standing])
    for _ in range(2):
        both.looked({"0": given.head(0, 149)})
    assert only(standing).lag_events == 50
