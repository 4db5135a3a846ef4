"""What each stage of a contender used: wall time, processor time of the whole family, memory.

Belongs here: measuring inside a child process whose work has several parts, or runs others. Does not: the protocol of a
child (`benchmarks.measured`), which is kept beside it, or what a stage does.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measured import peak_mb

_TOLD = "stages.json"


@dataclass
class Stage:
    """One part of the work: `rows` and `says` are for who does it to fill in.

    `cpu` is of all processes, `own` of the contender's alone: the rest is of the service it talks to.
    """

    name: str
    rows: float = 0
    seconds: float = 0
    cpu: float = 0
    own: float = 0
    rss_mb: float = 0
    says: dict[str, Any] = field(default_factory=dict)


class Stages:
    """The stages of one contender, in order; they are left in its folder as they end."""

    def __init__(self, out: Path) -> None:
        self._file = out / _TOLD
        self._done: list[Stage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Measure what is done inside."""
        stage = Stage(name)
        begun, (cpu, own) = time.perf_counter(), _cpu()
        ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        yield stage
        stage.seconds = time.perf_counter() - begun
        now = _cpu()
        stage.cpu, stage.own = now[0] - cpu, now[1] - own
        living = sum(child.memory_info().rss for child in psutil.Process().children(recursive=True)) / 2**20
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Of the largest that has ended. Where none has, nothing: the figure keeps an earlier stage's.
        gone = children.ru_maxrss / 2**10 if children.ru_utime > ended else 0
        stage.rss_mb = peak_mb() + living + gone
        self._done.append(stage)
        self._file.write_text(json.dumps([asdict(each) for each in self._done]))


def told(out: Path) -> list[Stage]:
    """The stages a contender came through."""
    file = out / _TOLD
    return [Stage(**each) for each in json.loads(file.read_text())] if file.exists() else []


def _cpu() -> tuple[float, float]:
    """Seconds of this process with all that it started, ended or not; and of this process alone."""
    me = psutil.Process()
    own = me.cpu_times()
    total = 0.0
    for each in (me, *me.children(recursive=True)):
        times = each.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total, own.user + own.system
