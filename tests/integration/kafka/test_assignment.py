from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from ingest_workers.events import Events
from ingest_workers.kafka import KafkaSource
from ingest_workers.source import Closed

PATIENCE = 60.0


class Taker:
    """Counts as a worker does, and can be told to block or to refuse."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.last: dict[str, int] = {}
        self.refused: set[str] = set()
        self.room = threading.Event()
        self.room.set()
        self.waiting: str | None = None

    def deliver(self, events: Events) -> None:
        if not self.room.is_set():
            self.waiting = events.partition_id
            self.room.wait(PATIENCE)
        if events.partition_id in self.refused:
            raise Closed
        self.taken += [(events.partition_id, number) for number in events.sequence_number]
        self.last[events.partition_id] = events.sequence_number[-1]

    def numbers(self, partition: str) -> list[int]:
        return [number for name, number in self.taken if name == partition]


def until(said: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not said():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def source(topic):
    reading = KafkaSource(topic.hub())
    yield reading
    reading.stop()


def test_only_what_is_assigned_is_read_and_what_comes_back_goes_on_from_its_position(topic, source):
    taker = Taker()
    topic.fill({"0": 20, "1": 20})
    source.assign({"0"})
    source.start(taker.last.get, taker.deliver)
    until(lambda: taker.numbers("0") == list(range(20)))
    assert taker.numbers("1") == []
    source.assign({"1"})
    topic.fill({"0": 10, "1": 10}, first=20)
    until(lambda: taker.numbers("1") == list(range(30)))
    assert taker.numbers("0") == list(range(20))
    taker.last["0"] = 24  # another worker committed these meanwhile
    source.assign({"0", "1"})
    until(lambda: taker.numbers("0") == [*range(20), *range(25, 30)])
    assert taker.numbers("1") == list(range(30))


def test_a_partition_that_is_given_up_while_it_waits_for_room_delivers_nothing_more(topic, source):
    taker = Taker()
    topic.fill({"0": 20})
    taker.room.clear()
    source.start(taker.last.get, taker.deliver)
    until(lambda: taker.waiting == "0")
    taker.refused = {"0"}
    giving_up = threading.Thread(target=source.assign, args=({"1"},))
    giving_up.start()
    taker.room.set()
    giving_up.join(PATIENCE)
    assert not giving_up.is_alive()
    topic.fill({"1": 5})
    until(lambda: taker.numbers("1") == list(range(5)))
    assert taker.numbers("0") == []


def test_assigning_does_not_wait_for_partitions_that_stay(topic, source):
    taker = Taker()
    topic.fill({"0": 20})
    taker.room.clear()
    source.start(taker.last.get, taker.deliver)
    until(lambda: taker.waiting == "0")
    source.assign({"0"})
    assert taker.waiting == "0"
    taker.room.set()
    until(lambda: taker.numbers("0") == list(range(20)))


def test_a_partition_the_worker_refuses_does_not_end_the_others(topic, source):
    taker = Taker()
    taker.refused = {"0"}
    topic.fill({"0": 20, "1": 20})
    source.start(taker.last.get, taker.deliver)
    until(lambda: taker.numbers("1") == list(range(20)))
    taker.refused = set()
    source.assign({"0", "1"})
    until(lambda: taker.numbers("0") == list(range(20)))
    assert taker.numbers("1") == list(range(20))


def test_a_fresh_client_reads_on_without_doubles(topic, source):
    taker = Taker()
    topic.fill({"0": 20})
    source.start(taker.last.get, taker.deliver)
    until(lambda: len(taker.taken) == 20)
    source.recycle()
    topic.fill({"0": 10}, first=20)
    until(lambda: len(taker.taken) >= 30)
    assert taker.numbers("0") == list(range(30))
    assert source.failure is None
