"""Dagster on a laptop, with all that it needs beside it.

Belongs here: the processes of `lakehouse dev`: Dagster's UI and daemon, and with `--local` the endpoints and a bronze
worker; keeping them running, and ending every one of them.
Does not: what they do, or how it is shown (`orchestration.cli.materialize`).
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import FrameType

from orchestration import local_env
from orchestration.drive import instance_at

WORKSPACE = Path(__file__).parents[1] / "workspace.yaml"
_STEP_SECONDS = 0.25
_GRACE_SECONDS = 15.0
_SLOWEST_RESTART_SECONDS = 60.0

Row = tuple[str, str, str]
"""What runs, where it answers or what it does, where its log is."""


@dataclass
class Child:
    """One process with a group of its own, so that Ctrl-C reaches only us and we end it and all it started."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    restart_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it; what it prints goes to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ended(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self.process.poll() if self.process else None

    def signal(self, number: int) -> bool:
        """Signal its whole group; says whether anything was left to hear it."""
        if self.process is None:
            return False
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
            return True
        return False

    def end(self, grace_seconds: float) -> None:
        """Wait for what was asked to end, then insist, for the whole group."""
        for insistence, seconds in ((None, grace_seconds), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            if insistence is not None:
                self.signal(insistence)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                self.ended()  # reaps it
                if not self.signal(0):
                    return
                time.sleep(0.1)


def serve(home: Path, port: int, *, local: bool, say: Callable[[str], None], ready: Callable[[list[Row]], None]) -> int:
    """Run until Ctrl-C, SIGTERM or the end of Dagster; returns the exit code. Nothing is left running.

    Raises: RuntimeError where the port is taken or another `lakehouse dev` runs on this home.
    """
    home = home.absolute()
    stop = _stop_on_signals()
    with ExitStack() as stack:
        stack.enter_context(_only_one(home / "dagster"))
        _refuse_taken(port)
        rows: list[Row] = []
        if local:
            rows += stack.enter_context(_endpoints(home, say))
        with instance_at(home / "dagster"):
            pass  # makes dagster.yaml and the databases before two processes would
        environment = {
            **os.environ,
            "LAKE_HOME": str(home),
            "DAGSTER_HOME": str(home / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        children = [Child("Dagster", _dagster(port), environment, home / "logs" / "dagster.log")]
        url = f"http://127.0.0.1:{port}"
        rows = [("Dagster", url, str(children[0].log)), *rows]
        if local:
            children.append(Child("bronze worker", _worker(), environment, home / "logs" / "bronze_worker.log"))
            rows.append(("bronze worker", "hub to bronze/telemetry", str(children[1].log)))
        stack.callback(_end, children, say)
        for child in children:
            child.start()
        say("Dagster is starting; the UI answers in about 20 s")
        return _watch(children, stop, say, lambda: _answers(url), lambda: ready(rows))


def _watch(
    children: list[Child],
    stop: Event,
    say: Callable[[str], None],
    answers: Callable[[], bool],
    ready: Callable[[], None],
) -> int:
    """Until told to stop, or Dagster ends; a worker that ends is started again, each time later."""
    dagster, *workers = children
    told = False
    while not stop.wait(_STEP_SECONDS):
        if (code := dagster.ended()) is not None:
            say(f"Dagster ended by itself with exit code {code}; the end of {dagster.log} says why")
            return code or 1
        for worker in workers:
            _keep(worker, say)
        if not told and answers():
            told = True
            ready()
    return 0


def _keep(worker: Child, say: Callable[[str], None]) -> None:
    code = worker.ended()
    if code is None:
        return
    if not worker.restart_at:
        pause = min(_SLOWEST_RESTART_SECONDS, 2.0**worker.failures)
        worker.failures += 1
        worker.restart_at = time.monotonic() + pause
        say(f"the {worker.name} ended with exit code {code}; started again in {pause:.0f} s. Its log: {worker.log}")
    elif time.monotonic() >= worker.restart_at:
        worker.restart_at = 0.0
        worker.start()


def _end(children: list[Child], say: Callable[[str], None]) -> None:
    """All are asked at once; the worker commits what it holds, Dagster's processes end their runs."""
    say("ending: the worker commits what it holds, Dagster ends its processes")
    for child in children:
        if child.process is not None and child.ended() is None:
            child.process.terminate()
    for child in children:
        child.end(_GRACE_SECONDS)


@contextmanager
def _endpoints(home: Path, say: Callable[[str], None]) -> Iterator[list[Row]]:
    """Local endpoints: those that run already, or new ones on free ports that end with us."""
    from local_azure import endpoints, supervisor  # noqa: PLC0415 - only --local needs the extra

    folder = home / "endpoints"
    found = supervisor.running(folder)
    if found is None:
        say("starting Event Hubs and Kusto on free ports")
        found = supervisor.start([endpoints.event_hubs(), endpoints.kusto()], folder, accompany=os.getpid())
        started = True
    else:
        started = False
    try:
        local_env.write(home, endpoints.environment(found))
        yield [
            ("Event Hubs", f"sb://127.0.0.1:{found['event_hubs']['port']}", str(folder / "event_hubs.log")),
            ("Kusto", str(found["kusto"]["uri"]), str(folder / "kusto.log")),
        ]
    finally:
        if started:
            local_env.remove(home)
            supervisor.stop(folder)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two daemons on one run history would both launch what is due."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "dev.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"another `lakehouse dev` runs on {folder.parent}; end it with Ctrl-C, or name another LAKE_HOME"
            ) from None
        yield


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise RuntimeError(f"port {port} is taken by another process; name another one with --port") from None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as answer:  # noqa: S310 - our own loopback URL
            return bool(answer.status == 200)
    except OSError:
        return False


def _dagster(port: int) -> list[str]:
    """Dagster's own development server; what it says below a warning is in its UI."""
    quiet = ("--log-level", "warning", "--code-server-log-level", "warning")
    where = ("-w", str(WORKSPACE), "-h", "127.0.0.1", "-p", str(port))
    return [sys.executable, "-m", "dagster", "dev", *where, *quiet]


def _worker() -> list[str]:
    return [sys.executable, "-m", "orchestration.cli.main", "ingest", "bronze"]


def _stop_on_signals() -> Event:
    stop = Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, told)
    return stop
