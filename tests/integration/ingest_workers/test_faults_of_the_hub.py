"""One worker, and a hub that does everything wrong that a hub can do: no event is dropped, and the worker says why."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import structlog

from ingest_workers.source import SourceError
from local_azure.event_hubs.remote import Remote

PATIENCE = 60
EACH = 20


@dataclass
class Reading:
    """A worker that runs, and how much the hub has been sent."""

    endpoint: object
    bronze: object
    hub: Remote
    sent: int = 0
    problems: list[BaseException] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.bronze.run(stop=self.stop)
        except SourceError as problem:
            self.problems.append(problem)

    def send(self) -> None:
        self.endpoint.fill({"0": EACH, "1": EACH}, first=self.sent)
        self.sent += EACH

    def until_all_is_held(self) -> None:
        expected = [(name, n, f"{name}/{n}".encode()) for name in "01" for n in range(self.sent)]
        deadline = time.monotonic() + PATIENCE
        while len(held := self.bronze.held()) < len(expected) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert held == expected


@pytest.fixture
def reading(endpoint, make_bronze) -> Iterator[Reading]:
    bronze = make_bronze(flush_seconds=0.2, silence_seconds=1.5)
    found = Reading(endpoint, bronze, Remote(endpoint.port))
    found.send()
    found.until_all_is_held()
    yield found
    found.stop.set()
    found.thread.join(30)


def throttled(hub: Remote) -> None:
    hub.throttle(None, role="receiver")
    hub.detach(role="receiver")


def refused(hub: Remote) -> None:
    """A role that was changed, a key that was rolled."""
    hub.refuse_tokens(None)
    hub.detach(role="receiver")


FAULTS: dict[str, tuple[Callable[[Remote], object], str, str]] = {
    "throttled": (throttled, "throttled", "by itself"),
    "connections cut": (lambda hub: hub.drop(), "connection lost", "by itself"),
    "connections refused": (lambda hub: hub.drop(1.0, role="receiver"), "connection lost", "by itself"),
    "links detached": (lambda hub: hub.detach(role="receiver"), "connection lost", "by itself"),
    "tokens expired": (lambda hub: hub.expire_tokens(), "token expired", "by itself"),
    "tokens refused": (refused, "refused", "by itself unless it lasts"),
}


@pytest.mark.timeout(300)
def test_trouble_that_passes_is_named_recovered_from_and_costs_no_event(reading):
    for name, (strike, named, recovers) in FAULTS.items():
        with structlog.testing.capture_logs() as said:
            strike(reading.hub)
            deadline = time.monotonic() + PATIENCE
            while not any(line.get("what") == named for line in said):
                assert time.monotonic() < deadline, (name, said)
                time.sleep(0.02)
            reading.hub.clear()
            reading.send()
            reading.until_all_is_held()
        assert not reading.problems, name
        assert {line["recovers"] for line in said if line.get("what") == named} == {recovers}, name
        assert all(line["todo"] and line["error"] for line in said if "recovers" in line), name


@pytest.mark.timeout(200)
def test_events_that_come_twice_or_late_are_held_once(reading):
    for strike in (lambda hub: hub.duplicate(30), lambda hub: hub.delay(0.3, 1.0, role="receiver")):
        strike(reading.hub)
        reading.send()
        reading.until_all_is_held()
        reading.hub.clear()
    assert not reading.problems


@pytest.mark.timeout(200)
def test_a_stall_is_noticed_and_where_new_connections_do_not_cure_it_the_worker_ends_and_loses_nothing(reading):
    with structlog.testing.capture_logs() as said:
        stalled = reading.hub.stall(None, role="receiver")
        reading.send()
        reading.thread.join(PATIENCE)
    assert [type(problem) for problem in reading.problems] == [SourceError]
    assert "deliver none, also through new connections" in str(reading.problems[0])
    assert [line["event"] for line in said].count("partitions have events and deliver none: connecting again") == 1
    reading.hub.clear(stalled)
    reading.bronze.run(until_head=True)
    reading.until_all_is_held()


@pytest.mark.timeout(200)
def test_events_that_retention_took_are_recorded_as_lost_and_block_nothing(endpoint, bronze):
    from quality.contracts.tables import LOST

    endpoint.fill({"0": 50, "1": 10})
    bronze.run(until_head=True)
    endpoint.fill({"0": 50}, first=50)
    Remote(endpoint.port).move_head("0", 80, "telemetry")
    summary = bronze.run(until_head=True)
    assert (summary.committed, [(gap.first, gap.last) for gap in summary.gaps]) == (20, [(50, 79)])
    (row,) = bronze.lake.rows(LOST).to_pylist()
    assert (row["partition_id"], row["first_sequence_number"], row["events"]) == ("0", 50, 30)
