"""How a run is doing, while it runs.

Belongs here: what was sent, acknowledged and sent again, how fast, and how far behind its plan.
Does not: showing it (the command line does).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_WINDOW_S = 5.0
"""The speed is that of the latest seconds."""

Progress = Callable[[int, int | None], None]
"""Called with events acknowledged so far and, where it is known, events in all."""


@dataclass(slots=True, kw_only=True)
class Statistics:
    """Counts of a run; whoever sends adds to them."""

    total: int | None = None
    rate: float | None = None
    """Events per second that were planned; None for as fast as it goes."""
    sent: int = 0
    """Events handed to the network, those sent again counted again."""
    acknowledged: int = 0
    """Events the other side has taken, each once."""
    bytes: int = 0
    """Of the acknowledged events, envelopes included."""
    batches: int = 0
    retries: int = 0
    """Attempts that failed and were repeated."""
    repeated: int = 0
    """Events handed over again, each time anew: the other side holds at most so many more than `acknowledged`."""
    begun: float = field(default_factory=time.monotonic)
    """When the first event was due, on the monotonic clock."""
    _recent: deque[tuple[float, int, int]] = field(default_factory=deque)

    def add(self, events: int, size: int) -> None:
        """The other side has taken a batch."""
        self.acknowledged += events
        self.bytes += size
        self.batches += 1
        now = time.monotonic()
        self._recent.append((now, self.acknowledged, self.bytes))
        while self._recent[0][0] < now - _WINDOW_S:
            self._recent.popleft()

    def speed(self) -> tuple[float, float]:
        """Events and bytes per second that were acknowledged of late: 0 while nothing is."""
        now = time.monotonic()
        # Appended to by the one who sends while another looks on; a deque is safe to copy then.
        since = [entry for entry in tuple(self._recent) if entry[0] >= now - _WINDOW_S]
        if now - self.begun < _WINDOW_S:
            since.insert(0, (self.begun, 0, 0))
        if len(since) < 2:
            return 0.0, 0.0
        (at, events, size), last = since[0], since[-1]
        span = max(now - at, 1e-3)
        return (last[1] - events) / span, (last[2] - size) / span

    def lag(self) -> tuple[int, float]:
        """Events that were due by now and are not acknowledged, and how late the oldest of them is in seconds."""
        if self.rate is None:
            return 0, 0.0
        elapsed = time.monotonic() - self.begun
        due = int(elapsed * self.rate)
        behind = (due if self.total is None else min(due, self.total)) - self.acknowledged
        return (behind, elapsed - self.acknowledged / self.rate) if behind > 0 else (0, 0.0)

    def wait(self, events: int) -> None:
        """Sleep until the run's first `events` events are due."""
        if self.rate is not None:
            pause = self.begun + (events - 1) / self.rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
