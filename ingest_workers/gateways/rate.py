"""How much each caller may send: a token bucket per caller.

Belongs here: the buckets. They are this process's own: n replicas let a caller send up to n times as much.
Does not: what happens to a request that comes too early (`http_app`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

_MOST_BUCKETS = 10_000


class TooFastError(Exception):
    """The caller has used up its rate."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"more events than this caller may send; go on in {retry_after} s")
        self.retry_after = retry_after


class Buckets:
    """A bucket holds up to `burst_seconds` of a caller's rate.

    A request is let in while something is left and charged for all its events, so that a batch larger than the bucket
    passes and is paid for afterwards.
    """

    def __init__(self, burst_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst_seconds = burst_seconds
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        """Events left and when that was, per caller."""

    def check(self, caller: str, rate: float) -> None:
        """Raises: TooFastError while nothing is left."""
        left = self._now(caller, rate)
        if left < 1:
            raise TooFastError(max(1, math.ceil((1 - left) / rate)))

    def charge(self, caller: str, rate: float, events: int) -> None:
        """Take what a request has brought."""
        if len(self._left) >= _MOST_BUCKETS and caller not in self._left:
            self._forget()
        self._left[caller] = (self._now(caller, rate) - events, self._clock())

    def _now(self, caller: str, rate: float) -> float:
        full = max(1.0, rate * self._burst_seconds)
        left, since = self._left.get(caller, (full, self._clock()))
        return min(full, left + (self._clock() - since) * rate)

    def _forget(self) -> None:
        """The half that was here longest ago: most of their buckets are full again."""
        oldest = sorted(self._left, key=lambda caller: self._left[caller][1])
        for caller in oldest[: _MOST_BUCKETS // 2]:
            del self._left[caller]
