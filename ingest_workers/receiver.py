"""Reading one partition: in order, without a hole, for as long as it is wanted.

Belongs here: the thread of a partition, what happens when its connection ends, and `Cursor`, which believes a hole
in the sequence numbers only when the broker shows it twice.
Does not: the SDK (`amqp` opens the link that is read here), when events are committed (`buffer`, `sink`).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

import structlog

from ingest_workers.events import Events
from ingest_workers.source import Closed, Deliver, Position, RefusedError, SourceError, StolenError
from ingest_workers.trouble import said

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0
STOLEN_PAUSE = 8.0
"""Seconds before a partition that was stolen is read again: by then the ownership store has said whose it is."""
REFUSALS, REFUSALS_LATER = 5, 12
"""So often in a row the broker may refuse a partition, before and after it gave us events: for seconds at first, for
about a minute later, because tokens and roles take a moment to change."""

Wanted: TypeAlias = Callable[[], bool]


class Link(Protocol):
    """One connection to one partition."""

    def __call__(self, after: int | None, take: Callable[[Events], bool], wanted: Wanted) -> None:
        """Read on from after a sequence number (None: from the beginning) and hand what comes to `take`.

        Returns soon after `take` or `wanted` says False; raises
        where the connection fails: a SourceError is one that a retry will not mend.
        """


@dataclass(slots=True)
class Cursor:
    """Where a partition is read, and what may follow.

    After a reconnect the SDK may hand over again what it had, and its keep-alive thread can swap two events. So what
    is not past `last` is dropped, and a hole ends the link: read again from `last`, the broker either delivers the
    missing events or begins with the same hole, which then is real (its retention took them).
    """

    last: int | None
    opened: bool = True
    """Nothing was accepted through this link yet."""
    dropped: int = 0

    def accept(self, events: Events) -> tuple[Events, bool]:
        """What of `events` follows, and whether all of them could be placed."""
        numbers = events.sequence_number
        if not len(numbers):
            return events, True
        if self.last is not None and self.opened and numbers[0] > self.last + 1:
            self.last = numbers[0] - 1
        if (self.last is None or numbers[0] == self.last + 1) and events.consecutive:
            self.last, self.opened = numbers[-1], False
            return events, True
        return self._sift(events)

    def _sift(self, events: Events) -> tuple[Events, bool]:
        keep: list[int] = []
        whole = True
        for row, number in enumerate(events.sequence_number):
            if self.last is not None and number <= self.last:
                self.dropped += 1
            elif self.last is None or number == self.last + 1:
                keep.append(row)
                self.last, self.opened = number, False
            else:
                whole = False
                break
        return events.pick(keep), whole


class Receiver:
    """One partition and its thread."""

    def __init__(
        self,
        partition_id: str,
        link: Link,
        position: Position,
        deliver: Deliver,
        *,
        stolen_pause: float = STOLEN_PAUSE,
    ) -> None:
        self.partition_id = partition_id
        self.failure: SourceError | None = None
        self._link, self._position, self._deliver = link, position, deliver
        self._stolen_pause = stolen_pause
        self._refusals = REFUSALS
        self._stop = threading.Event()
        self._delivering = threading.Lock()
        self._again = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"receive-{partition_id}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def recycle(self) -> None:
        """Leave the link at the next chance and open another."""
        self._again.set()

    def stop(self) -> None:
        """Ask the thread to end; `join` waits for it."""
        self._stop.set()

    def join(self, seconds: float) -> bool:
        """After `stop`: wait for the thread; whether it ended. Also where it did not, it delivers nothing any more."""
        self._thread.join(seconds)
        with self._delivering:
            return not self._thread.is_alive()

    def _wanted(self) -> bool:
        return not self._stop.is_set() and not self._again.is_set()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            cursor = Cursor(self._position(self.partition_id))
            self._again.clear()
            try:
                self._link(cursor.last, partial(self._take, cursor), self._wanted)
                failures = 0
            except Closed:
                return
            except Exception as problem:  # noqa: BLE001 - whatever the SDK raises, the partition is read again
                failures = failures + 1 if cursor.opened else 1
                if isinstance(problem, SourceError) and not (
                    isinstance(problem, RefusedError) and failures < self._refusals
                ):
                    self.failure = problem
                    return
                self._pause(cursor, failures, problem)

    def _pause(self, cursor: Cursor, failures: int, problem: Exception) -> None:
        pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        if isinstance(problem, StolenError):
            pause = self._stolen_pause
        log.warning(
            "partition lost, trying again",
            partition=self.partition_id,
            after=cursor.last,
            attempt=failures,
            pause_s=round(pause, 2),
            **said(problem),
        )
        self._stop.wait(pause)

    def _take(self, cursor: Cursor, events: Events) -> bool:
        """Deliver what follows; False ends the link."""
        following, whole = cursor.accept(events)
        if len(following):
            self._refusals = REFUSALS_LATER
            with self._delivering:
                if self._stop.is_set():
                    raise Closed
                self._deliver(following)
        if not whole:
            log.info("events are missing after this one, reading again", partition=self.partition_id, after=cursor.last)
        return whole and self._wanted()
