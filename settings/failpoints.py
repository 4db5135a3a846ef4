"""Named points at which a crash test may end this process, as a power cut would.

Belongs here: the switch. Every point that matters for exactly-once calls `reach`, so the tests kill the code that
runs in production and not a copy of it. Without `LAKE_KILL_AT` it is one dictionary look-up.
Does not: retries or clean-up; a killed process does neither.
"""

from __future__ import annotations

import os
import signal


def reach(point: str) -> None:
    """Die here by SIGKILL if `LAKE_KILL_AT` says so.

    `LAKE_KILL_AT` is `point` or `point@n` (the n-th time, from 1). What happens once per file system is kept by the
    caller: the next process is started without the variable.
    """
    wanted = os.environ.get("LAKE_KILL_AT")
    if wanted is None:
        return
    name, _, count = wanted.partition("@")
    if name != point:
        return
    left = int(count or 1) - 1
    if left > 0:
        os.environ["LAKE_KILL_AT"] = f"{name}@{left}"
        return
    os.kill(os.getpid(), signal.SIGKILL)
