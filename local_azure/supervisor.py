"""Starts the local endpoints, keeps them running, and ends them.

Belongs here: processes. One supervisor a folder; it restarts an endpoint that dies, on the same port and data, and
ends with the process it was asked to accompany, so that nothing is left behind.
Does not: the protocols (`local_azure.event_hubs`, `local_azure.kusto`), or settings of the product.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

STATE = "endpoints.json"
_RESTARTS_A_MINUTE = 10


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


def start(endpoints: list[Endpoint], folder: Path, *, accompany: int | None = None, wait: float = 30) -> dict[str, Any]:
    """Start a supervisor over the endpoints and return what each wrote to its ready file.

    Raises: SupervisorError where one is running already, a port is taken, or an endpoint does not come up.
    """
    folder = folder.absolute()
    if running(folder):
        raise SupervisorError(f"endpoints are running already in {folder}; end them with: lakehouse down")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STATE).unlink(missing_ok=True)
    order = folder / "order.json"
    order.write_text(json.dumps({"endpoints": [asdict(e) for e in endpoints], "accompany": accompany}))
    with (folder / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local_azure.supervisor", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        if (state := _state(folder)) is not None and state["pid"] == process.pid:
            return dict(state["endpoints"])
        if process.poll() is not None:
            break
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    raise SupervisorError(_why(folder, endpoints))


def _why(folder: Path, endpoints: list[Endpoint]) -> str:
    for endpoint in endpoints:
        log = folder / f"{endpoint.name}.log"
        if not (folder / endpoint.name / "ready.json").exists() and log.exists():
            lines = log.read_text(errors="replace").strip().splitlines()
            return f"{endpoint.name} did not start: {lines[-1] if lines else 'it said nothing'} (log: {log})"
    return f"the endpoints did not start in time (log: {folder / 'supervisor.log'})"


def running(folder: Path) -> dict[str, Any] | None:
    """What runs in the folder: endpoint name to its ready file; None where nothing does."""
    state = _state(folder)
    return dict(state["endpoints"]) if state and _alive(state) else None


def stop(folder: Path, wait: float = 15) -> bool:
    """End the supervisor of the folder and its endpoints; says whether there was one."""
    state = _state(folder)
    if state is None or not _alive(state):
        (folder / STATE).unlink(missing_ok=True)
        return False
    process = psutil.Process(state["pid"])
    children = process.children(recursive=True)
    process.terminate()
    _, alive = psutil.wait_procs([process, *children], timeout=wait)
    for straggler in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            straggler.kill()
    psutil.wait_procs(alive, timeout=5)
    (folder / STATE).unlink(missing_ok=True)
    return True


def _state(folder: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads((folder / STATE).read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _alive(state: dict[str, Any]) -> bool:
    """The process of the state file, and not another that got its number."""
    try:
        return bool(abs(psutil.Process(state["pid"]).create_time() - state["created"]) < 1)
    except psutil.NoSuchProcess:
        return False


class Supervisor:
    """The process behind `start`."""

    def __init__(self, folder: Path) -> None:
        order = json.loads((folder / "order.json").read_text())
        self._folder = folder
        self._endpoints = [Endpoint(e["name"], tuple(e["argv"]), e["port"]) for e in order["endpoints"]]
        self._accompany = order["accompany"]
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._ready: dict[str, dict[str, Any]] = {}
        self._restarts: list[float] = []
        self._ending = False

    def run(self) -> int:
        """Until SIGTERM, SIGINT, the end of the accompanied process, or too many restarts."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        try:
            for endpoint in self._endpoints:
                self._spawn(endpoint)
            self._publish()
            while not self._ending:
                time.sleep(0.1)
                if self._accompany and not psutil.pid_exists(self._accompany):
                    break
                for endpoint in self._endpoints:
                    if self._children[endpoint.name].poll() is not None:
                        self._restart(endpoint)
        except SupervisorError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        finally:
            self._stop_children()
            (self._folder / STATE).unlink(missing_ok=True)
        return 0

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _spawn(self, endpoint: Endpoint, wait: float = 25) -> None:
        data = self._folder / endpoint.name
        data.mkdir(parents=True, exist_ok=True)
        ready = data / "ready.json"
        ready.unlink(missing_ok=True)
        port = self._ready.get(endpoint.name, {}).get("port", endpoint.port)
        argv = [part.format(port=port, data=data / "data", ready=ready) for part in endpoint.argv]
        with (self._folder / f"{endpoint.name}.log").open("ab") as log:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._children[endpoint.name] = child
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and not self._ending:
            if ready.exists():
                self._ready[endpoint.name] = dict(json.loads(ready.read_text()))
                return
            if child.poll() is not None:
                break
            time.sleep(0.02)
        raise SupervisorError(f"{endpoint.name} did not start; see {self._folder / endpoint.name}.log")

    def _restart(self, endpoint: Endpoint) -> None:
        self._restarts = [at for at in self._restarts if at > time.monotonic() - 60]
        if len(self._restarts) >= _RESTARTS_A_MINUTE:
            raise SupervisorError(f"{endpoint.name} died {_RESTARTS_A_MINUTE} times in a minute; giving up")
        self._restarts.append(time.monotonic())
        sys.stderr.write(f"{endpoint.name} ended with {self._children[endpoint.name].returncode}; restarting\n")
        self._spawn(endpoint)
        self._publish()

    def _publish(self) -> None:
        state = {
            "pid": os.getpid(),
            "created": psutil.Process().create_time(),
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


def main() -> None:
    """Run the supervisor of a folder."""
    parser = argparse.ArgumentParser(description="Keeps the local endpoints of a folder running.")
    parser.add_argument("folder", type=Path)
    raise SystemExit(Supervisor(parser.parse_args().folder).run())


if __name__ == "__main__":
    main()
