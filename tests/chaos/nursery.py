"""A process that has imported the product already and forks whoever is asked for: seconds of importing, once.

One order a line on standard input: `argv` (as python takes it: `-m module …` or `script …`), `env` (all of it), `log`
(the file for what the child says) and `seconds` (the longest it may live). Answers with the child's number at once and
with its exit code when it is over; one child at a time. Children are the product's own commands from their first line
on; only their imports are done.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import sys
from typing import Any

IMPORTED = (
    "orchestration.build",
    "orchestration.cli.main",
    "orchestration.drive",
    "orchestration.resources.kusto",
    "ingest_workers.bronze",
    # What the product has others import once it runs.
    "azure.eventhub",
    "dagster._core.storage.event_log",
    "dagster._core.storage.runs",
    "dagster._core.storage.schedules",
    "dbt.graph",
)


def be(argv: list[str], env: dict[str, str], log: str, seconds: int) -> None:
    """Become what was ordered, in the forked process."""
    signal.alarm(seconds)
    os.environ.clear()
    os.environ.update(env)
    for wanted, given in ((0, os.open(os.devnull, os.O_RDONLY)), (1, os.open(log, os.O_APPEND | os.O_WRONLY)), (2, 1)):
        os.dup2(given, wanted)
    first, *rest = argv
    if first == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = argv
        runpy.run_path(first, run_name="__main__")


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    sys.modules.pop("orchestration.cli.main")  # is run as a program, not imported
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        if not (pid := os.fork()):
            be(**order)
            return
        os.write(1, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()
