"""How much the namespace takes in a second, as throughput units limit it in the cloud.

Belongs here: counting. Does not: what a sender is told (`event_links`), or a throttle on demand (`faults`).
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Quota:
    """So many events a second; what was not used in the last second can be used in this one.

    A batch larger than a second's worth is taken when nothing else was, so that no sender waits for ever; it is paid
    for by those that come after.
    """

    def __init__(self, events_per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = events_per_second
        self._now = now
        self._at = now()
        self._left = events_per_second

    def take(self, events: int) -> bool:
        """Whether so many are taken now."""
        now = self._now()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < min(events, self._rate):
            return False
        self._left -= events
        return True
