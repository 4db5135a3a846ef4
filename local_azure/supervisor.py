"""Starts the local endpoints, keeps them running, and ends them.

Belongs here: processes. One supervisor a folder; it restarts an endpoint that dies, on the same port and data, and
ends with the process it was asked to accompany, so that nothing is left behind.
Does not: the protocols (`local_azure.event_hubs`, `local_azure.kusto`), or settings of the product.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

STATE = "endpoints.json"
_LOG = "supervisor.log"
_LOCK = "supervisor.lock"
_RESTARTS_A_MINUTE = 10
_LINE_BY_LINE = {"PYTHONUNBUFFERED": "1"}
"""An endpoint's last line is shown where it does not start: nothing printed earlier may come behind it."""


class SupervisorError(RuntimeError):
    """An endpoint could not be started or ended; the text says what to do."""


@dataclass(frozen=True)
class Endpoint:
    """A program that writes its address to a ready file once it listens.

    `argv` may contain `{port}`, `{data}` and `{ready}`.
    """

    name: str
    argv: tuple[str, ...]
    port: int = 0


@dataclass(frozen=True)
class Process:
    """A process as long as it lives: its number, and when it began, because numbers are used again."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this number now. Raises: psutil.NoSuchProcess."""
        return cls(pid, psutil.Process(pid).create_time())

    def alive(self) -> psutil.Process | None:
        """The process, where it still runs; a dead one that nobody has taken note of does not."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


@dataclass(frozen=True)
class Starting:
    """A supervisor that was started and whose endpoints may not be there yet."""

    folder: Path
    process: subprocess.Popen[bytes]
    said_before: int

    def ready(self, wait: float = 30) -> dict[str, Any]:
        """What each endpoint wrote to its ready file, once all have.

        Raises: SupervisorError with the reason: a port that is taken, say.
        """
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and self.process.poll() is None:
            if (state := _state(self.folder)) is not None and state["supervisor"]["pid"] == self.process.pid:
                return dict(state["endpoints"])
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        log = self.folder / _LOG
        said = log.read_bytes()[self.said_before :].decode(errors="replace").strip().splitlines()
        raise SupervisorError(said[-1] if said else f"the endpoints did not start within {wait:.0f} s (log: {log})")


def launch(endpoints: list[Endpoint], folder: Path, *, accompany: int | None = None) -> Starting:
    """Start a supervisor over the endpoints, without waiting for them; it ends when process `accompany` does.

    Raises: SupervisorError where one is running already.
    """
    folder = folder.absolute()
    if running(folder):
        raise SupervisorError(f"endpoints are running already in {folder}; end them with: lakehouse down")
    folder.mkdir(parents=True, exist_ok=True)
    stop(folder)  # what a supervisor that was killed has left behind
    order = folder / "order.json"
    companion = None if accompany is None else asdict(Process.of(accompany))
    order.write_text(json.dumps({"endpoints": [asdict(e) for e in endpoints], "accompany": companion}))
    with (folder / _LOG).open("ab") as log:
        said_before = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "local_azure.supervisor", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Starting(folder, process, said_before)


def start(endpoints: list[Endpoint], folder: Path, *, accompany: int | None = None, wait: float = 30) -> dict[str, Any]:
    """Start a supervisor over the endpoints and return what each wrote to its ready file.

    Raises: SupervisorError where one is running already, a port is taken, or an endpoint does not come up.
    """
    return launch(endpoints, folder, accompany=accompany).ready(wait)


def running(folder: Path) -> dict[str, Any] | None:
    """What runs in the folder: endpoint name to its ready file; None where nothing does."""
    state = _state(folder)
    return dict(state["endpoints"]) if state and Process(**state["supervisor"]).alive() else None


def stop(folder: Path, wait: float = 15) -> bool:
    """End the supervisor of the folder and its endpoints; says whether there was any."""
    state = _state(folder)
    if state is None:
        return False
    supervisor = Process(**state["supervisor"]).alive()
    living = [Process(**child).alive() for child in state["children"].values()]
    # The supervisor ends its endpoints. One that was killed cannot: then they are ended here.
    family = {process for process in (supervisor, *living) if process is not None}
    if supervisor is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            family |= set(supervisor.children(recursive=True))
    _signal([supervisor] if supervisor else family, signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=wait)
    _signal(alive, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=5)
    (folder / STATE).unlink(missing_ok=True)
    return bool(family)


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _state(folder: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads((folder / STATE).read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


class Supervisor:
    """The process behind `launch`."""

    def __init__(self, folder: Path) -> None:
        order = json.loads((folder / "order.json").read_text())
        self._folder = folder
        self._endpoints = [Endpoint(e["name"], tuple(e["argv"]), e["port"]) for e in order["endpoints"]]
        self._accompany = Process(**order["accompany"]) if order["accompany"] else None
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._said_before: dict[str, int] = {}
        self._ready: dict[str, dict[str, Any]] = {}
        self._restarts: list[float] = []
        self._told_to_end = False

    def run(self) -> int:
        """Until SIGTERM, SIGINT, the end of the accompanied process, or too many restarts."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        try:
            with self._alone():
                return self._serve()
        except SupervisorError as error:
            return _fail(error)

    def _serve(self) -> int:
        try:
            self._keep_running()
        except SupervisorError as error:
            return _fail(error)  # said before the state goes: whoever sees that nothing runs can read why
        finally:
            self._stop_children()
            (self._folder / STATE).unlink(missing_ok=True)
        return 0

    def _keep_running(self) -> None:
        for endpoint in self._endpoints:
            self._spawn(endpoint)
        for endpoint in self._endpoints:
            if not self._comes_up(endpoint) and not self._ending():
                raise SupervisorError(f"{endpoint.name} did not start: {self._why(endpoint)}")
        self._publish()
        while not self._ending():
            time.sleep(0.1)
            for endpoint in self._endpoints:
                if self._children[endpoint.name].poll() is not None:
                    self._restart(endpoint)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two supervisors would run two endpoints over the same files."""
        with (self._folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SupervisorError(
                    f"another supervisor is at work in {self._folder}; end it with: lakehouse down"
                ) from error
            yield

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_end = True

    def _ending(self) -> bool:
        return self._told_to_end or (self._accompany is not None and self._accompany.alive() is None)

    def _spawn(self, endpoint: Endpoint) -> None:
        data = self._folder / endpoint.name
        data.mkdir(parents=True, exist_ok=True)
        ready = data / "ready.json"
        ready.unlink(missing_ok=True)
        port = self._ready.get(endpoint.name, {}).get("port", endpoint.port)
        argv = [part.format(port=port, data=data / "data", ready=ready) for part in endpoint.argv]
        with self._log(endpoint).open("ab") as log:
            self._said_before[endpoint.name] = log.tell()
            self._children[endpoint.name] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | _LINE_BY_LINE
            )

    def _comes_up(self, endpoint: Endpoint, wait: float = 25) -> bool:
        ready = self._folder / endpoint.name / "ready.json"
        deadline = time.monotonic() + wait
        living = True
        while living and time.monotonic() < deadline and not self._ending():
            # Asked before the file is read: one that was ready and then died came up.
            living = self._children[endpoint.name].poll() is None
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                self._ready[endpoint.name] = dict(json.loads(ready.read_text()))
                return True
            time.sleep(0.02)
        return False

    def _why(self, endpoint: Endpoint) -> str:
        log = self._log(endpoint)
        said = log.read_bytes()[self._said_before[endpoint.name] :].decode(errors="replace").strip().splitlines()
        return f"{said[-1] if said else 'it said nothing'} (log: {log})"

    def _log(self, endpoint: Endpoint) -> Path:
        return self._folder / f"{endpoint.name}.log"

    def _restart(self, endpoint: Endpoint) -> None:
        self._restarts = [at for at in self._restarts if at > time.monotonic() - 60]
        if len(self._restarts) >= _RESTARTS_A_MINUTE:
            raise SupervisorError(f"{endpoint.name} died {_RESTARTS_A_MINUTE} times in a minute; giving up")
        self._restarts.append(time.monotonic())
        sys.stderr.write(f"{endpoint.name} ended with {self._children[endpoint.name].returncode}; restarting\n")
        self._spawn(endpoint)
        if self._comes_up(endpoint):
            self._publish()
        elif not self._ending():
            # One failed attempt says nothing of the next: it ends, and counts as having died.
            sys.stderr.write(f"{endpoint.name} did not come up: {self._why(endpoint)}\n")
            self._children[endpoint.name].kill()
            self._children[endpoint.name].wait(timeout=5)

    def _publish(self) -> None:
        if self._ending():
            return
        state = {
            "supervisor": asdict(Process.of(os.getpid())),
            "children": {name: asdict(Process.of(child.pid)) for name, child in self._children.items()},
            "endpoints": self._ready,
        }
        draft = self._folder / f"{STATE}.draft"
        draft.write_text(json.dumps(state))
        draft.replace(self._folder / STATE)

    def _stop_children(self) -> None:
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        for child in self._children.values():
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(timeout=5)


def _fail(error: SupervisorError) -> int:
    sys.stderr.write(f"{error}\n")
    return 1


def main() -> None:
    """Run the supervisor of a folder."""
    parser = argparse.ArgumentParser(description="Keeps the local endpoints of a folder running.")
    parser.add_argument("folder", type=Path)
    raise SystemExit(Supervisor(parser.parse_args().folder).run())


if __name__ == "__main__":
    main()
