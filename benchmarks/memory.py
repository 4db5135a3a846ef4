"""The worker's memory over a long catch-up: a hub that is full when it begins, read as fast as it goes.

Belongs here: what the process holds after each half million events, and the most it held in between.
Catching up is the worst case: the broker always has more, so the buffer is as full as it ever gets.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import measured, ours
from ingest_workers import bronze, logs
from ingest_workers.report import Progress

EVERY = 500_000
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Mark:
    """After so many events."""

    events: int
    rss_mb: float
    most_mb: float
    """Since the mark before."""


def measure(job: dict[str, Any], seconds: float) -> list[Mark]:
    """Run a worker until the head. Raises: RuntimeError where it fails or takes too long."""
    marks = Path(job["lake"]) / "marks.json"
    measured.run("benchmarks.memory", [job | {"marks": str(marks)}], seconds)
    return [Mark(**mark) for mark in json.loads(marks.read_text())]


class _Watch:
    """Looks at this process until told to stop."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._over = threading.Event()
        self._most = 0.0
        self.marks: list[dict[str, float]] = []
        self._thread = threading.Thread(target=self._look, name="memory", daemon=True)
        self._thread.start()

    def _rss(self) -> float:
        return float(self._process.memory_info().rss) / 2**20

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self._most = max(self._most, self._rss())

    def progressed(self, progress: Progress) -> None:
        """Take a mark at every half million."""
        if progress.committed >= EVERY * (len(self.marks) + 1):
            self.mark(progress.committed)

    def mark(self, events: int) -> None:
        """What is held now."""
        now = self._rss()
        self.marks.append({"events": events, "rss_mb": now, "most_mb": max(now, self._most)})
        self._most = 0.0

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()


def work(job: dict[str, Any]) -> int:
    """Everything into the lake, watched."""
    logs.configure(level=logging.ERROR)
    watch = _Watch()
    summary = bronze.run_bronze(ours.settings_of(job), until_head=True, on_progress=watch.progressed)
    watch.mark(summary.committed)
    watch.stop()
    Path(job["marks"]).write_text(json.dumps(watch.marks))
    return summary.committed


if __name__ == "__main__":
    measured.child(work)
