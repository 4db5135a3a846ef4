"""Stop 2 of the data path: events wait here until enough of them make a commit worth its cost.

Belongs here: when a flush is due (rows, bytes or age, whichever comes first) and the bound on what waits, which
pushes back: `put` blocks its receiver, and the broker keeps what it has.
Does not: where events come from (`receiver`), or how a flush is committed (`sink`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass

from ingest_workers.events import Events
from ingest_workers.source import Closed


@dataclass(slots=True)
class Flush:
    """What one commit takes: events per partition. Its bytes count against the bound until it is released."""

    partitions: dict[str, Events]
    rows: int
    size: int


class Buffer:
    """Events per partition, bounded in bytes. Many threads put, one takes."""

    def __init__(self, *, rows: int, size: int, seconds: float, limit: int) -> None:
        self._rows, self._size, self._seconds = rows, size, seconds
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: dict[str, list[Events]] = {}
        self._waiting_rows = self._waiting_size = 0
        self._committing = 0
        self._since: float | None = None
        self._closed = False
        self._refused: set[str] = set()
        self._blocked = 0

    @property
    def pushing_back(self) -> bool:
        """Whether a receiver waits for room now."""
        return self._blocked > 0

    @property
    def limit(self) -> int:
        """Bytes that may be held."""
        return self._limit

    @property
    def held(self) -> int:
        """Bytes that wait or are being committed."""
        return self._waiting_size + self._committing

    def put(self, events: Events) -> None:
        """Take events over. Blocks while the bound is reached; an event larger than the bound is let in alone.

        Raises: Closed once `close` was called or the partition was refused, also while it blocks; nothing of `events`
        was taken then.
        """
        if not len(events):
            return
        with self._changed:
            while self._takes(events) and self.held and self.held + events.size > self._limit:
                self._blocked += 1
                self._changed.wait()
                self._blocked -= 1
            if not self._takes(events):
                raise Closed
            self._waiting.setdefault(events.partition_id, []).append(events)
            self._waiting_rows += len(events)
            self._waiting_size += events.size
            if self._since is None:
                self._since = time.monotonic()
            if self._due():
                self._changed.notify_all()

    def take(self, timeout: float) -> Flush | None:
        """The next flush once it is due; None after `timeout` seconds without one."""
        until = time.monotonic() + timeout
        with self._changed:
            while not self._due():
                now = time.monotonic()
                ripe = until if self._since is None else min(until, self._since + self._seconds)
                if now >= until or self._closed:
                    return None
                self._changed.wait(max(ripe - now, 0.001))
            return self._cut()

    def drain(self) -> Flush | None:
        """What waits, due or not; None where nothing does."""
        with self._changed:
            return self._cut() if self._waiting else None

    def release(self, flush: Flush) -> None:
        """A flush is committed: its bytes make room."""
        with self._changed:
            self._committing -= flush.size
            self._changed.notify_all()

    def refuse(self, partitions: Collection[str]) -> None:
        """Take no more of these partitions, so that whoever delivers them ends; what waits is flushed as usual."""
        with self._changed:
            self._refused |= set(partitions)
            self._changed.notify_all()

    def allow(self, partitions: Collection[str]) -> None:
        """Take these partitions again; call it once their former readers have ended."""
        with self._changed:
            self._refused -= set(partitions)

    def close(self) -> None:
        """Take no more; what waits can still be drained."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _takes(self, events: Events) -> bool:
        return not self._closed and events.partition_id not in self._refused

    def _due(self) -> bool:
        if self._since is None:
            return False
        return (
            self._blocked > 0
            or self._waiting_rows >= self._rows
            or self._waiting_size >= self._size
            or time.monotonic() - self._since >= self._seconds
        )

    def _cut(self) -> Flush:
        waiting = {partition: Events.joined(parts) for partition, parts in self._waiting.items()}
        flush = Flush(waiting, self._waiting_rows, self._waiting_size)
        self._committing += flush.size
        self._waiting, self._waiting_rows, self._waiting_size, self._since = {}, 0, 0, None
        return flush
