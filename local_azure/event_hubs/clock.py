"""The time the local Event Hubs believes in.

Belongs here: enqueued times may start at any instant and pass at any speed, so that a test can live through
a midnight or a week. Does not: token expiry, which is judged by `wall_seconds`, because the client signs
its tokens by the clock on the wall.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Time that starts at `start` (now, when not given) and passes `speed` times as fast as real time."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        if speed < 0:
            raise ValueError(f"clock speed {speed} is below 0; time cannot run backwards")
        self.speed = speed
        self._origin_ms = 0.0
        self._started = 0.0
        self.set(start or datetime.now(UTC))

    def set(self, instant: datetime) -> None:
        """Jump to `instant` (aware) and run on from there."""
        if instant.tzinfo is None:
            raise ValueError(f"{instant.isoformat()} has no UTC offset; write it with Z or +hh:mm")
        self._origin_ms = instant.timestamp() * 1000
        self._started = time.monotonic()

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return int(self._origin_ms + (time.monotonic() - self._started) * 1000 * self.speed)


def wall_seconds() -> float:
    """Real seconds since 1970-01-01 UTC."""
    return time.time()
