"""The command line as people and programs use it: a process, its output and its exit code.

One small demo is run once for the whole test run, whatever number of workers shares it; tests read what it left.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestration.cli.main import run

EVENTS = 1500


@dataclass(frozen=True)
class Said:
    """What a command left behind when it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Demo:
    """A demo that ran, and what was around it when it had ended."""

    home: Path
    said: Said
    left_running: Sequence[str]
    left_outside: Sequence[str]


class Terminal:
    """Where commands are typed, and what can be seen from there."""

    program = Path(sys.executable).with_name("lakehouse")
    events = EVENTS

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """Ours without a trace of the settings of whoever runs the tests."""
        ours = ("LAKE_", "DAGSTER_", "COLUMNS")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**inherited, "LAKE_HOME": str(home), **more}

    def run(self, home: Path, *arguments: str, cwd: Path | None = None, timeout: float = 120, **more: str) -> Said:
        """A command, in its home folder unless said otherwise, so that no `.env` is found."""
        home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [str(self.program), *arguments],
            env=self.environment(home, **more),
            cwd=cwd or home,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def call(self, home: Path, *arguments: str, **more: str) -> Said:
        """The same in this process, which has imported everything already: for what needs no process of its own."""
        home.mkdir(parents=True, exist_ok=True)
        before, here, argv = dict(os.environ), Path.cwd(), sys.argv
        code: Any = 0
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            try:
                os.environ.clear()
                os.environ.update(self.environment(home, **more))
                os.chdir(home)
                sys.argv = [str(self.program), *arguments]
                run()
            except SystemExit as end:
                code = end.code or 0
            finally:
                os.environ.clear()
                os.environ.update(before)
                os.chdir(here)
                sys.argv = argv
        return Said(code, out.getvalue(), err.getvalue())

    def demo(self, folder: Path, *arguments: str, timeout: float = 240, **more: str) -> Demo:
        """A demo with a working directory, a user's home and a temporary folder of its own: what does it put there?"""
        around = {name: folder / name for name in ("cwd", "user", "tmp")}
        for place in around.values():
            place.mkdir(parents=True)
        home = folder / "demo"
        own = {"HOME": str(around["user"]), "TMPDIR": str(around["tmp"]), **more}
        said = self.run(home, "demo", "--dir", str(home), *arguments, cwd=around["cwd"], timeout=timeout, **own)
        running = [" ".join(process.cmdline()) for process in self.processes_of(home)]
        outside = [str(found.relative_to(folder)) for place in around.values() for found in place.rglob("*")]
        return Demo(home, said, running, outside)

    def processes_of(self, folder: Path) -> list[psutil.Process]:
        """Every living process that was started for a folder: on its command line, or as the home it was given."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                named = any(str(folder) in part for part in process.cmdline())
                at_home = process.environ().get("LAKE_HOME", "").startswith(str(folder))
                if (named or at_home) and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                    found.append(process)
        return found

    def within(self, seconds: float, happens: Callable[[], Any]) -> bool:
        """Whether something comes true in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if happens():
                return True
            time.sleep(0.1)
        return bool(happens())


@pytest.fixture(scope="session")
def terminal() -> Terminal:
    return Terminal()


@contextmanager
def _only_once(folder: Path) -> Iterator[bool]:
    """Whether we are the first of the test processes to come here; the others wait until the first is done."""
    folder.mkdir(exist_ok=True)
    done = folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, terminal: Terminal) -> Demo:
    """The small demo with `--json`. Read what it left, change nothing."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small-demo"
    record = shared / "record.json"
    with _only_once(shared) as first:
        if first:
            ran = terminal.demo(shared / "run", "--events", str(EVENTS), "--json")
            said = [ran.said.code, ran.said.out, ran.said.err]
            record.write_text(json.dumps([str(ran.home), said, list(ran.left_running), list(ran.left_outside)]))
    home, said, running, outside = json.loads(record.read_text())
    return Demo(Path(home), Said(*said), running, outside)
