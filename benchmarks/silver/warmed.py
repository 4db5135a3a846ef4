"""A contender whose work is done in a child process of its own, and that is warm before it is measured.

Belongs here: processor time and memory of the whole family. Does not: the protocol (`measured`), which it keeps.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psutil

from benchmarks.measured import RESULT, peak_mb

T = TypeVar("T")


def child_with_children(prepare: Callable[[dict[str, Any]], T], work: Callable[[dict[str, Any], T], int]) -> None:
    """As `measured.child`; `prepare` runs before the word is given."""
    job = json.loads(sys.argv[1])
    prepared = prepare(job)
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    print("ready", flush=True)
    sys.stdin.readline()
    begun, cpu = time.time(), _cpu(family)
    events = work(job, prepared)
    used = {
        "events": events,
        "begun": begun,
        "ended": time.time(),
        "cpu": _cpu(family) - cpu,
        "rss_mb": peak_mb() + sum(process.memory_info().rss for process in family[1:] if process.is_running()) / 2**20,
    }
    print(RESULT + json.dumps(used), flush=True)


def _cpu(family: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in family if process.is_running()]
    return float(sum(each.user + each.system for each in times))
