"""One contender in a process of its own: it gets ready, waits for the word, works, and says what it used.

Belongs here: processor time, memory, the wait. Does not: what is measured.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULT = "RESULT "
READY_SECONDS = 60.0


def child(work: Callable[[dict[str, Any]], int]) -> None:
    """The main function of a contender: `work` takes the job and returns how many events it did.

    A job that names a small lake as `warming` is done on that one first, unmeasured.
    """
    job = json.loads(sys.argv[1])
    if warming := job.get("warming"):
        work({**job, "lake": warming, "out": f"{warming}/out"})
    print("ready", flush=True)
    sys.stdin.readline()
    begun, cpu = time.time(), time.process_time()
    events = work(job)
    spent = time.process_time() - cpu
    used = {
        "events": events,
        "begun": begun,
        "ended": time.time(),
        "cpu": spent,
        "rss_mb": peak_mb(),
    }
    print(RESULT + json.dumps(used), flush=True)


def peak_mb() -> float:
    """The most memory this process had. The kernel's other figure begins with what its parent had when it forked."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(module: str, jobs: list[dict[str, Any]], seconds: float) -> dict[str, float]:
    """All jobs at once, each in its process; what they used together. Raises: RuntimeError where one fails."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for job in jobs
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        until = time.monotonic() + seconds
        said = [process.communicate(timeout=max(until - time.monotonic(), 1)) for process in processes]
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{module} took longer than {seconds:.0f} s") from None
    finally:
        for process in processes:
            process.kill()
    return _together([_result(module, *each) for each in said])


def _result(module: str, out: str, errors: str) -> dict[str, float]:
    for line in out.splitlines():
        if line.startswith(RESULT):
            found: dict[str, float] = json.loads(line[len(RESULT) :])
            return found
    raise RuntimeError(f"{module} failed:\n{errors[-3000:]}")


def _together(results: list[dict[str, float]]) -> dict[str, float]:
    wall = max(each["ended"] for each in results) - min(each["begun"] for each in results)
    events, cpu = sum(each["events"] for each in results), sum(each["cpu"] for each in results)
    return {
        "events": events,
        "seconds": wall,
        "cpu": cpu,
        "per_second": events / wall,
        "per_cpu_second": events / cpu,
        "rss_mb": sum(each["rss_mb"] for each in results),
    }


def settle() -> None:
    """Use and give back 1.5 GB: a virtual machine's memory costs whoever is the first to use it."""
    touched = b"x" * (3 << 29)
    del touched


def reference() -> float:
    """Nanoseconds per turn of a loop that does the same everywhere: how much of this machine is ours just now."""
    begun = time.process_time()
    total = 0
    for turn in range(1_000_000):
        total += turn & 7
    assert total
    return (time.process_time() - begun) * 1000
