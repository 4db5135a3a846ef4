"""Processes that are kept running, and that end with whoever they were started for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from local_azure import supervisor
from local_azure.supervisor import Endpoint, Process, SupervisorError

SERVES = """
import json, os, socket, sys, time
listening = socket.socket(); listening.bind(("127.0.0.1", int(sys.argv[1]))); listening.listen()
draft = sys.argv[2] + ".draft"
open(draft, "w").write(json.dumps({"port": listening.getsockname()[1], "pid": os.getpid()}))
os.replace(draft, sys.argv[2])
time.sleep(600)
"""
FAILS = "import sys; print('starting'); sys.exit('port 1 is taken by nobody')"


def _endpoint(code: str = SERVES, name: str = "one") -> Endpoint:
    # Braces in an endpoint's arguments are places to be filled in; the program's own are doubled.
    doubled = code.replace("{", "{{").replace("}", "}}")
    return Endpoint(name, (sys.executable, "-S", "-c", doubled, "{port}", "{ready}"))


def _within(seconds: float, happens: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "endpoints"
    supervisor.stop(tmp_path / "endpoints")


def test_all_endpoints_are_ready_when_start_returns_and_gone_when_stop_does(folder) -> None:
    ready = supervisor.start([_endpoint(), _endpoint(name="two")], folder)
    pids = [endpoint["pid"] for endpoint in ready.values()]

    assert ready.keys() == {"one", "two"}
    assert supervisor.running(folder) == ready
    assert supervisor.stop(folder)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert supervisor.running(folder) is None
    assert not supervisor.stop(folder)


def test_an_endpoint_that_is_killed_comes_back_on_its_port(folder) -> None:
    before = supervisor.start([_endpoint()], folder)["one"]

    os.kill(before["pid"], signal.SIGKILL)

    assert _within(20, lambda: (supervisor.running(folder) or {})["one"]["pid"] != before["pid"])
    assert supervisor.running(folder)["one"]["port"] == before["port"]


def test_one_that_always_dies_is_given_up(folder) -> None:
    dies = SERVES.replace("time.sleep(600)", "time.sleep(0.05)")
    supervisor.start([_endpoint(dies)], folder)

    assert _within(60, lambda: supervisor.running(folder) is None)
    assert "died 10 times in a minute; giving up" in (folder / "supervisor.log").read_text()


def test_one_that_fails_to_come_back_once_is_tried_again(folder) -> None:
    fails_second_time = f"""
import pathlib, sys
runs = pathlib.Path(sys.argv[2] + ".runs")
runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
if len(runs.read_text()) == 2: sys.exit("the port is still taken")
{SERVES}"""
    before = supervisor.start([_endpoint(fails_second_time)], folder)["one"]

    os.kill(before["pid"], signal.SIGKILL)

    assert _within(20, lambda: (supervisor.running(folder) or {})["one"]["pid"] != before["pid"])
    assert supervisor.running(folder)["one"]["port"] == before["port"]
    assert "one did not come up: the port is still taken" in (folder / "supervisor.log").read_text()


def test_why_an_endpoint_did_not_start_is_told_and_the_others_are_ended(folder, monkeypatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # what was printed first would come behind the reason
    with pytest.raises(SupervisorError, match=r"bad did not start: port 1 is taken by nobody \(log: .*bad\.log\)"):
        supervisor.start([_endpoint(), _endpoint(FAILS, "bad")], folder)

    assert supervisor.running(folder) is None
    ready = folder / "one" / "ready.json"
    assert _within(10, lambda: not ready.exists() or not psutil.pid_exists(json.loads(ready.read_text())["pid"]))


def test_a_second_supervisor_is_refused(folder) -> None:
    supervisor.start([_endpoint()], folder)

    with pytest.raises(SupervisorError, match="running already"):
        supervisor.start([_endpoint()], folder)
    second = subprocess.run(
        [sys.executable, "-m", "local_azure.supervisor", str(folder)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert second.returncode == 1
    assert "another supervisor is at work" in second.stderr
    assert supervisor.running(folder) is not None


def test_it_ends_with_the_process_it_accompanies_even_when_nobody_takes_note(folder) -> None:
    companion = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    try:
        ready = supervisor.start([_endpoint()], folder, accompany=companion.pid)
    finally:
        companion.kill()

    # Not waited for: a zombie still has its number.
    assert _within(20, lambda: supervisor.running(folder) is None)
    assert _within(20, lambda: not psutil.pid_exists(ready["one"]["pid"]))
    companion.wait()


def test_endpoints_of_a_killed_supervisor_are_ended_by_the_next_start(folder) -> None:
    first = supervisor.start([_endpoint()], folder)["one"]
    state = json.loads((folder / supervisor.STATE).read_text())
    os.kill(state["supervisor"]["pid"], signal.SIGKILL)
    assert _within(10, lambda: supervisor.running(folder) is None)
    assert psutil.pid_exists(first["pid"])

    second = supervisor.start([_endpoint()], folder)["one"]

    assert not psutil.pid_exists(first["pid"])
    assert second["pid"] != first["pid"]


def test_a_process_is_known_by_its_number_and_its_beginning() -> None:
    ourselves = Process.of(os.getpid())

    assert ourselves.alive() is not None
    assert Process(ourselves.pid, ourselves.created - 60).alive() is None
