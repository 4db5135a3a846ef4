"""A hub in memory and rows to fill it with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from ingest_workers.events import Draft, Events
from ingest_workers.sink import Sink
from ingest_workers.source import Closed, Deliver, Head, Position, SourceError
from lake.store import Lake

ENQUEUED = 1_795_230_000_000_000  # 2026-11-21T03:00:00Z


def rows(partition: str, numbers: Iterable[int], body: bytes = b"x", apart_us: int = 1000) -> Events:
    """Events with these sequence numbers, a millisecond apart, whose body says their name."""
    draft = Draft(partition)
    for number in numbers:
        draft.sequence_number.append(number)
        draft.offset.append(str(number * 400))
        draft.enqueued_at.append(ENQUEUED + number * apart_us)
        draft.ingested_at.append(ENQUEUED + number * apart_us + 5)
        draft.device_id.append("device-1")
        draft.content_type.append("application/json")
        draft.content_encoding.append(None)
        draft.schema_ref.append("simulator.v1")
        draft.properties.append([("schema", "simulator.v1")])
        draft.body.append(body + f" {partition}/{number}".encode())
    return draft.events()


@dataclass
class MemoryHub:
    """A `Source` over lists, with the faults a test asks for."""

    partitions: dict[str, Events]
    first: int = 0
    batch: int = 100
    transport: str = "amqp"
    silent_until_recycled: int = 0
    fail_with: SourceError | None = None
    failure: SourceError | None = None
    unanswered_heads: int = 0
    started: list[dict[str, int | None]] = field(default_factory=list)
    delivered: int = 0
    recycled: int = 0
    assigned: Collection[str] | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def heads(self) -> Mapping[str, Head]:
        if self.unanswered_heads:
            self.unanswered_heads -= 1
            raise ConnectionError("nobody listens")
        return {
            name: Head(
                first=held.sequence_number[0] if len(held) else 0,
                last=held.sequence_number[-1] if len(held) else -1,
                empty=not len(held),
            )
            for name, held in self.partitions.items()
        }

    def start(self, position: Position, deliver: Deliver) -> None:
        self.started.append({name: position(name) for name in self.partitions})
        for name in self.partitions:
            thread = threading.Thread(target=self._feed, args=(name, position, deliver), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _feed(self, name: str, position: Position, deliver: Deliver) -> None:
        while not self._stop.is_set():
            after = position(name)
            held = self.partitions[name]
            fresh = [row for row, number in enumerate(held.sequence_number) if after is None or number > after]
            if not fresh or self.recycled < self.silent_until_recycled:
                self._stop.wait(0.01)
                continue
            try:
                chunk = held.pick(fresh[: self.batch])
                deliver(chunk)
                self.delivered += min(len(fresh), self.batch)
            except Closed:
                return
            if self.fail_with is not None:
                self.failure = self.fail_with

    def assign(self, partitions: Collection[str]) -> None:
        self.assigned = frozenset(partitions)

    def recycle(self) -> None:
        self.recycled += 1

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def make_rows() -> Callable[..., Events]:
    return rows


@pytest.fixture
def make_hub() -> Callable[..., MemoryHub]:
    def hub(counts: Mapping[str, int], *, first: int = 0, body: bytes = b"x", **options) -> MemoryHub:
        return MemoryHub(
            {name: rows(name, range(first, first + count), body) for name, count in counts.items()}, **options
        )

    return hub


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def sink(lake: Lake) -> Sink:
    return Sink(lake, "local", "telemetry", 0, "amqp")
