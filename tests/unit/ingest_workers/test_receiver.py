from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ingest_workers import receiver as receivers
from ingest_workers.events import Events
from ingest_workers.receiver import REFUSALS, Receiver
from ingest_workers.source import Closed, RefusedError, SourceError


@dataclass
class Script:
    """A link that plays one entry per connection: lists of numbers to hand over, or what to raise."""

    make_rows: Callable[..., Events]
    plays: list[object]
    asked: list[int | None] = field(default_factory=list)

    def __call__(self, after, take, wanted):
        self.asked.append(after)
        play = self.plays.pop(0) if self.plays else None
        if isinstance(play, Exception):
            raise play
        for numbers in play or []:
            if isinstance(numbers, Exception):
                raise numbers
            if not take(self.make_rows("0", numbers)):
                return
        while wanted():
            time.sleep(0.01)


@dataclass
class Reading:
    receiver: Receiver
    script: Script
    numbers: list[int]

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.receiver.stop()
        assert self.receiver.join(2)


@pytest.fixture
def read(make_rows, monkeypatch):
    monkeypatch.setattr(receivers, "FIRST_PAUSE", 0.01)

    def start(*plays: object, held: int | None = None, deliver=None) -> Reading:
        numbers: list[int] = []
        script = Script(make_rows, list(plays))

        def keep(events: Events) -> None:
            numbers.extend(events.sequence_number)

        def position(partition: str) -> int | None:
            return numbers[-1] if numbers else held

        receiver = Receiver("0", script, position, deliver or keep)
        receiver.start()
        return Reading(receiver, script, numbers)

    return start


def test_a_lost_connection_is_read_on_after_the_last_delivered_event(read):
    reading = read([[0, 1, 2], ConnectionError("gone")], [[3, 4]])
    reading.until(lambda: len(reading.numbers) == 5)
    assert reading.numbers == [0, 1, 2, 3, 4]
    assert reading.script.asked == [None, 2]


def test_a_hole_within_a_link_is_read_again_and_filled(read):
    """As when two threads of the SDK swap events: the second link delivers what the first skipped."""
    reading = read([[0, 1], [3, 2]], [[2, 3, 4]])
    reading.until(lambda: len(reading.numbers) == 5)
    assert reading.numbers == [0, 1, 2, 3, 4]
    assert reading.script.asked == [None, 1]


def test_a_hole_that_two_links_show_is_real(read):
    reading = read([[0, 1], [5, 6]], [[5, 6]])
    reading.until(lambda: len(reading.numbers) == 4)
    assert reading.numbers == [0, 1, 5, 6]


def test_recycling_opens_a_new_link(read):
    reading = read([[0]], [[1]])
    deadline = time.monotonic() + 5
    while not reading.numbers and time.monotonic() < deadline:
        time.sleep(0.01)
    reading.receiver.recycle()
    reading.until(lambda: len(reading.numbers) == 2)
    assert reading.script.asked == [None, 0]


def test_an_error_that_a_retry_will_not_mend_ends_the_receiver(read):
    reading = read(SourceError("no number"))
    reading.until(lambda: reading.receiver.failure is not None)
    assert str(reading.receiver.failure) == "no number"
    assert len(reading.script.asked) == 1


def test_a_refusal_is_believed_after_several(read):
    reading = read(*[RefusedError("no role")] * 10)
    reading.until(lambda: reading.receiver.failure is not None)
    assert str(reading.receiver.failure) == "no role"
    assert len(reading.script.asked) == REFUSALS


def test_a_refusal_that_passes_is_forgotten(read):
    reading = read(*[RefusedError("soon")] * (REFUSALS - 1), [[0]])
    reading.until(lambda: len(reading.numbers) == 1)
    assert reading.receiver.failure is None


def test_a_worker_that_takes_no_more_ends_the_receiver(read):
    def closed(events: Events) -> None:
        raise Closed

    reading = read([[0]], deliver=closed)
    assert reading.receiver.join(2)
    assert reading.receiver.failure is None


def test_a_pause_does_not_delay_stopping(read, monkeypatch):
    monkeypatch.setattr(receivers, "FIRST_PAUSE", 60)
    reading = read(ConnectionError("down"))
    time.sleep(0.1)
    stopper = threading.Timer(0, reading.receiver.stop)
    stopper.start()
    assert reading.receiver.join(1)
