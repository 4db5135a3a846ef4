from __future__ import annotations

import threading
import time

import pytest

from ingest_workers.buffer import Buffer
from ingest_workers.source import Closed


def buffer(*, rows: int = 1000, size: int = 10**6, seconds: float = 60, limit: int = 10**7) -> Buffer:
    return Buffer(rows=rows, size=size, seconds=seconds, limit=limit)


def test_nothing_is_due_before_rows_bytes_or_age_are_reached(make_rows):
    waiting = buffer()
    waiting.put(make_rows("0", range(10)))
    assert waiting.take(0.05) is None


@pytest.mark.parametrize(
    "limits",
    [{"rows": 10}, {"size": 1000}, {"seconds": 0.05}],
    ids=["rows", "bytes", "age"],
)
def test_a_flush_is_due_when_the_first_limit_is_reached(make_rows, limits):
    waiting = buffer(**limits)
    waiting.put(make_rows("0", range(10)))
    flush = waiting.take(2)
    assert flush is not None
    assert flush.rows == 10


def test_age_counts_from_the_oldest_event(make_rows):
    waiting = buffer(seconds=0.3)
    begun = time.monotonic()
    waiting.put(make_rows("0", range(1)))
    time.sleep(0.2)
    waiting.put(make_rows("0", range(1, 2)))
    flush = waiting.take(2)
    assert flush is not None
    assert time.monotonic() - begun < 0.45


def test_a_flush_holds_all_partitions_in_order(make_rows):
    waiting = buffer(rows=30)
    for first in (0, 10, 20):
        for partition in ("0", "1"):
            waiting.put(make_rows(partition, range(first, first + 10)))
    flush = waiting.take(1)
    assert flush is not None
    assert {name: list(events.sequence_number) for name, events in flush.partitions.items()} == {
        "0": list(range(30)),
        "1": list(range(30)),
    }


def test_putting_blocks_at_the_bound_until_a_flush_is_released(make_rows):
    first, second, third = (make_rows("0", range(begin, begin + 10)) for begin in (0, 10, 20))
    waiting = buffer(size=1, limit=first.size + second.size)
    waiting.put(first)
    waiting.put(second)
    taken = threading.Event()

    def put() -> None:
        waiting.put(third)
        taken.set()

    threading.Thread(target=put, daemon=True).start()
    assert not taken.wait(0.1)
    assert waiting.pushing_back
    flush = waiting.take(1)
    assert flush is not None
    assert not taken.wait(0.1), "bytes being committed count against the bound"
    waiting.release(flush)
    assert taken.wait(1)
    assert waiting.held == third.size


def test_an_event_larger_than_the_bound_is_let_in_alone(make_rows):
    waiting = buffer(size=10, limit=10)
    waiting.put(make_rows("0", range(1), body=b"x" * 10_000))
    flush = waiting.take(1)
    assert flush is not None
    assert flush.rows == 1


def test_closing_frees_who_waits_and_keeps_what_was_taken(make_rows):
    waiting = buffer(size=1, limit=1)
    waiting.put(make_rows("0", range(10)))
    outcome: list[str] = []

    def put() -> None:
        try:
            waiting.put(make_rows("0", range(10, 20)))
        except Closed:
            outcome.append("closed")

    thread = threading.Thread(target=put)
    thread.start()
    time.sleep(0.05)
    waiting.close()
    thread.join(2)
    assert outcome == ["closed"]
    flush = waiting.drain()
    assert flush is not None
    assert flush.rows == 10
    assert waiting.drain() is None
