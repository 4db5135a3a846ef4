"""The one place that asks what time it is.

Belongs here: `now()`, and the way a test or a compressed week sets it.
Does not: time zones of sites, or sleeping.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

_STARTED = time.monotonic()


def now() -> datetime:
    """The current instant, UTC.

    `LAKE_CLOCK_START` (ISO 8601 with zone) and `LAKE_CLOCK_SPEED` (simulated seconds per second, default 1) make
    the process live at another time, as the local Event Hubs can: hours, midnights and weeks become testable.
    """
    start = os.environ.get("LAKE_CLOCK_START")
    if not start:
        return datetime.now(UTC)
    speed = float(os.environ.get("LAKE_CLOCK_SPEED", "1"))
    begin = datetime.fromisoformat(start)
    if begin.tzinfo is None:
        raise ValueError(f"LAKE_CLOCK_START={start!r} has no time zone; write e.g. {start}+00:00")
    return begin.astimezone(UTC) + timedelta(seconds=(time.monotonic() - _STARTED) * speed)
