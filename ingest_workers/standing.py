"""Where a worker stands now: what it has of each partition, how far behind, and what keeps it from going on.

Belongs here: `Standing`, which turns the observer's calls into that, and the two verdicts of health: alive and ready.
Does not: who asks (`health` over HTTP, `fleet` for `lakehouse status`, `telemetry` for OpenTelemetry).

Lag in seconds is the age of the oldest event of a partition that is not in Bronze. While that event has not arrived,
its age is bounded from above: it came after the last committed one, and after the last look that found the partition
caught up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingest_workers.buffer import Flush
from ingest_workers.events import Events
from ingest_workers.observer import Held, Observer, Trouble
from ingest_workers.sink import Committed
from ingest_workers.source import Head
from settings.clock import now


@dataclass(slots=True)
class _Partition:
    first: int = 0
    last: int = -1
    held: int | None = None
    arrived: int | None = None
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    """Deliveries not committed: last sequence number, enqueued_at of the first event in microseconds."""
    committed_upto: int | None = None
    """enqueued_at of the last committed event, microseconds."""
    caught_up: int | None = None
    """When nothing was missing, microseconds."""
    lost: int = 0

    def lag(self) -> int:
        expired = self.first - 1
        before = expired if self.held is None else max(self.held, expired)
        return max(self.last, -1 if self.arrived is None else self.arrived) - before

    def age(self, at: int, begun: int) -> float:
        """Seconds since the oldest event that is not in Bronze was enqueued; see the module."""
        if self.lag() <= 0:
            return 0.0
        if self.waiting:
            since = self.waiting[0][1]
        else:
            since = max((known for known in (self.committed_upto, self.caught_up) if known is not None), default=begun)
        return max(0.0, (at - since) / 1e6)


@dataclass(frozen=True, slots=True)
class PartitionStanding:
    """One partition as the worker sees it."""

    partition: str
    held: int | None
    """Last sequence number in Bronze."""
    head: int
    """Last sequence number the hub gave, as of the last look."""
    lag_events: int
    lag_seconds: float
    lost: int
    """Events the hub no longer held when they were to be read, since the worker started."""


class Standing(Observer):
    """Keeps count; safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._partitions: dict[str, _Partition] = {}
        self._assigned: set[str] | None = None
        self._begun_at = _micros()
        self._sign = time.monotonic()
        self._troubles: dict[Trouble, str] = {}
        self.started_at = now()
        self.origin = self.transport = ""
        self.received_events = self.committed_events = self.commits = self.repeated = 0
        self.retries: dict[Trouble, int] = {}
        self.last_commit_at: datetime | None = None
        self.last_commit_seconds: float | None = None
        self.buffered = self.buffer_limit = 0
        self.how_ended: str | None = None

    # -- what happened ---------------------------------------------------------------------------------------

    def begun(self, origin: str, transport: str, heads: Mapping[str, Head], held: Held) -> None:
        """See `Observer`."""
        with self._lock:
            self.origin, self.transport = origin, transport
            for partition, number in held.items():
                known = self._partitions.setdefault(partition, _Partition())
                known.held = known.arrived = number
        self.looked(heads)

    def assigned(self, partitions: Collection[str], held: Held) -> None:
        """See `Observer`."""
        with self._lock:
            before, self._assigned = self._assigned, set(partitions)
            for partition in self._assigned - (before or set()):
                known = self._partitions.setdefault(partition, _Partition())
                known.held = known.arrived = held.get(partition)
                known.waiting.clear()
                known.committed_upto = None

    def received(self, events: Events) -> None:
        """See `Observer`."""
        last = events.sequence_number[-1]
        with self._lock:
            self.received_events += len(events)
            known = self._partitions.setdefault(events.partition_id, _Partition())
            known.arrived = last
            if known.held is None or last > known.held:  # else its commit overtook this call
                known.waiting.append((last, events.enqueued_at(0)))

    def committed(self, flush: Flush, outcome: Committed, seconds: float) -> None:
        """See `Observer`."""
        at = _micros()
        with self._lock:
            self._troubles.pop("store", None)
            self._sign = time.monotonic()
            self.committed_events += outcome.rows
            self.commits += outcome.rows > 0
            self.repeated += outcome.already_there
            self.last_commit_at, self.last_commit_seconds = now(), seconds
            for gap in outcome.gaps:
                self._partitions.setdefault(gap.partition_id, _Partition()).lost += gap.events
            for partition, events in flush.partitions.items():
                known = self._partitions.setdefault(partition, _Partition())
                known.held = outcome.positions.get(partition, events.sequence_number[-1])
                known.committed_upto = events.enqueued_at(-1)
                while known.waiting and known.waiting[0][0] <= known.held:
                    known.waiting.popleft()
                if known.lag() <= 0:
                    known.caught_up = at

    def looked(self, heads: Mapping[str, Head]) -> None:
        """See `Observer`."""
        at = _micros()
        with self._lock:
            self._troubles.pop("hub", None)
            for partition, head in heads.items():
                known = self._partitions.setdefault(partition, _Partition())
                known.first, known.last = (head.last + 1 if head.empty else head.first), head.last
                if known.lag() <= 0:
                    known.caught_up = at

    def retried(self, trouble: Trouble, why: object) -> None:
        """See `Observer`."""
        with self._lock:
            self._sign = time.monotonic()
            self.retries[trouble] = self.retries.get(trouble, 0) + 1
            if trouble != "partition":
                self._troubles[trouble] = str(why)

    def ticked(self, buffered: int, limit: int) -> None:
        """See `Observer`."""
        self.buffered, self.buffer_limit, self._sign = buffered, limit, time.monotonic()

    def ended(self, how: str) -> None:
        """See `Observer`."""
        self.how_ended, self.buffered = how, 0

    # -- where that leaves it --------------------------------------------------------------------------------

    def partitions(self) -> list[PartitionStanding]:
        """The partitions this worker reads, by name."""
        at = _micros()
        with self._lock:
            return [
                PartitionStanding(
                    partition=name,
                    held=known.held,
                    head=known.last,
                    lag_events=max(0, known.lag()),
                    lag_seconds=round(known.age(at, self._begun_at), 3),
                    lost=known.lost,
                )
                for name, known in sorted(self._partitions.items())
                if self._assigned is None or name in self._assigned
            ]

    def why_not_alive(self, stall_seconds: float) -> str | None:
        """What a restart would cure; None where nothing is known to be wrong."""
        if self.how_ended is not None:
            return f"the run is over: {self.how_ended}"
        silent = time.monotonic() - self._sign
        if silent > stall_seconds:
            return f"the worker's loop gave no sign of life for {silent:.0f} s"
        return None

    def why_not_ready(self) -> list[str]:
        """What keeps events from being taken over now; empty where nothing does."""
        if self.how_ended is not None:
            return [f"the run is over: {self.how_ended}"]
        with self._lock:
            troubles = dict(self._troubles)
        reasons = [] if self.origin else ["the worker is starting: the hub has not answered and Bronze was not read"]
        if "hub" in troubles:
            reasons.append(f"the hub does not answer: {troubles['hub']}")
        if "store" in troubles:
            reasons.append(f"the lake does not take a commit: {troubles['store']}")
        return reasons

    def facts(self) -> dict[str, Any]:
        """All of it, for a card or a probe's answer."""
        return {
            "origin": self.origin,
            "transport": self.transport,
            "started_at": self.started_at,
            "received": self.received_events,
            "committed": self.committed_events,
            "repeated": self.repeated,
            "commits": self.commits,
            "last_commit_at": self.last_commit_at,
            "last_commit_seconds": self.last_commit_seconds,
            "retries": dict(self.retries),
            "buffered_bytes": self.buffered,
            "buffer_limit_bytes": self.buffer_limit,
            "partitions": [
                {name: getattr(each, name) for name in PartitionStanding.__slots__} for each in self.partitions()
            ],
            "not_ready": self.why_not_ready(),
            "ended": self.how_ended,
        }


def _micros() -> int:
    return int(now().astimezone(UTC).timestamp() * 1_000_000)
