"""Where a test may kill this process: set LOCAL_KUSTO_KILL_AT to the name of a point.

The process ends itself with SIGKILL the first time it gets there; a marker in the data folder prevents the second,
so that the restarted process runs on. `before_*` lies inside the transaction with all its changes made, `after_*`
behind its commit and before anybody is told.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

VARIABLE = "LOCAL_KUSTO_KILL_AT"
POINTS = ("before_replace", "after_replace", "before_append", "after_append", "before_ingest", "after_ingest")


class Failpoints:
    """The point armed by the environment, if any."""

    def __init__(self, folder: Path) -> None:
        self._armed = os.environ.get(VARIABLE, "")
        if self._armed and self._armed not in POINTS:
            raise ValueError(f"{VARIABLE}={self._armed}: no such point. Points: {', '.join(POINTS)}")
        self._marker = folder / f"killed-at-{self._armed}"

    def reach(self, point: str) -> None:
        """End the process here if this is the armed point and it has not happened yet."""
        if point != self._armed or self._marker.exists():
            return
        descriptor = os.open(self._marker, os.O_CREAT | os.O_WRONLY)
        os.fsync(descriptor)
        os.kill(os.getpid(), signal.SIGKILL)
