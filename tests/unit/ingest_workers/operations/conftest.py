"""Calls as a worker makes them, without a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from ingest_workers.buffer import Flush
from ingest_workers.events import Draft, Events
from ingest_workers.sink import Committed, Gap
from ingest_workers.source import Head
from lake.store import Lake


def some(partition: str, numbers: Iterable[int], at: int, apart_us: int = 1000) -> Events:
    """Events enqueued from `at` (microseconds) on, apart by so much."""
    numbers = list(numbers)
    times, none, rows = [at + row * apart_us for row in range(len(numbers))], [None] * len(numbers), len(numbers)
    return Draft(
        partition, numbers, list(map(str, numbers)), times, times, none, none, none, none, [[]] * rows, [b"x"] * rows
    ).events()


def flush_of(*parts: Events) -> Flush:
    return Flush({part.partition_id: part for part in parts}, sum(map(len, parts)), sum(part.size for part in parts))


def outcome_of(flush: Flush, *, gaps: tuple[Gap, ...] = (), already_there: int = 0) -> Committed:
    positions = {name: part.sequence_number[-1] for name, part in flush.partitions.items()}
    return Committed(rows=flush.rows - already_there, already_there=already_there, gaps=list(gaps), positions=positions)


def head(first: int, last: int) -> Head:
    return Head(first=first, last=last, empty=last < first)


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def given() -> Callable[..., object]:
    """The makers above, for tests that may not import a conftest."""

    class Given:
        events = staticmethod(some)
        flush = staticmethod(flush_of)
        outcome = staticmethod(outcome_of)
        head = staticmethod(head)

    return Given
