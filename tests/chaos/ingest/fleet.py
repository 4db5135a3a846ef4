"""Three workers that are always three: who dies is replaced.

Belongs here: processes, their settings and signals, and how many died. Does not: when they are killed (`faults`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

HERE = Path(__file__).parent
NAMES = ("ada", "bob", "cyd")


class Fleet:
    """Workers over one hub, lake and folder of claims; all of them children of one nursery."""

    def __init__(self, folder: Path, env: dict[str, str], dice: Random) -> None:
        self.folder, self.env, self.dice = folder, env, dice
        self.members: dict[str, psutil.Process | None] = {}
        self.armed: dict[str, str] = {}
        """The point in the code at which a member is going to kill itself."""
        self.started = 0
        self._nursery = subprocess.Popen(
            [sys.executable, str(HERE / "worker_nursery.py")],
            env={**os.environ, "PYTHONPATH": str(HERE.parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, name: str, **more: str) -> None:
        """A worker of that name, in place of the one before."""
        env = self.env | {"LAKE_BRONZE__WORKER": name} | more
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps({"env": env, "log": str(self.folder / f"{name}.log")}) + "\n")
        self._nursery.stdin.flush()
        pid = int(self._nursery.stdout.readline())
        with suppress(psutil.NoSuchProcess):
            self.members[name] = psutil.Process(pid)
        self.started += 1

    def alive(self, name: str) -> bool:
        """Whether the member runs, or is stopped; the nursery leaves no dead about."""
        member = self.members.get(name)
        return member is not None and member.is_running()

    def arm(self, name: str, point: str) -> None:
        """Replace a member by one that dies by its own hand at that point."""
        self.kill(name)
        self.armed[name] = point
        self.start(name, LAKE_KILL_AT=point)

    def kill(self, name: str) -> None:
        """`kill -9`, and wait until it is gone."""
        self.signal(name, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while self.alive(name) and time.monotonic() < deadline:
            time.sleep(0.005)

    def replace_the_dead(self) -> list[str]:
        """Start anew whoever ended; the points at which some died."""
        dead = [name for name in NAMES if not self.alive(name)]
        points = [self.armed.pop(name) for name in dead if name in self.armed]
        for name in dead:
            self.start(name)
        return points

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a member, if it lives."""
        member = self.members.get(name)
        if member is not None:
            with suppress(psutil.NoSuchProcess):
                member.send_signal(number)

    def close(self) -> None:
        """End everybody."""
        for name in tuple(self.members):
            self.signal(name, signal.SIGCONT)
            self.signal(name, signal.SIGKILL)
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        self._nursery.wait(20)

    def leave(self, seconds: float) -> list[str]:
        """Ask everybody to go; says who did not in time."""
        for name in NAMES:
            self.signal(name, signal.SIGTERM)
        living = [member for name, member in self.members.items() if member is not None and name in NAMES]
        _, left = psutil.wait_procs(living, timeout=seconds)
        return [str(member.pid) for member in left]
