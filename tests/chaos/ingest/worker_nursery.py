"""A process that has imported the worker and forks one for each order it reads: a restart costs no second of imports.

One order a line on standard input: `env` (added to ours) and `log` (the file for what the worker says). Answers with
the worker's process number. A worker whose nursery is gone ends itself. `troubled_worker` is what runs.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

import troubled_worker


def be(env: dict[str, str], log: str, nursery: int) -> None:
    """Become a worker, in the forked process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(env)
    out = os.open(log, os.O_APPEND | os.O_WRONLY | os.O_CREAT, 0o644)
    for wanted, given in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, out)):
        os.dup2(given, wanted)

    def follow() -> None:
        while os.getppid() == nursery:
            time.sleep(0.5)
        os._exit(0)

    threading.Thread(target=follow, daemon=True).start()
    code = 1
    try:
        troubled_worker.main()
        code = 0
    except BaseException as problem:  # noqa: BLE001 - the last words of a process
        os.write(2, f"the worker ended: {type(problem).__name__}: {problem}\n".encode())
    finally:
        os._exit(code)


def main() -> None:
    nursery = os.getpid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no burial
    for line in sys.stdin:
        order = json.loads(line)
        if not (pid := os.fork()):
            be(order["env"], order["log"], nursery)
        os.write(1, f"{pid}\n".encode())


if __name__ == "__main__":
    main()
