"""`lakehouse up` and `lakehouse down`: endpoints that people start, that come back by themselves, and that end."""

from __future__ import annotations

import json
import re
import signal
import socket
from pathlib import Path

import psutil
import pytest

FREE = ("--event-hubs-port", "0", "--kusto-port", "0")


def _state(home: Path) -> dict:
    return json.loads((home / "endpoints" / "endpoints.json").read_text())


@pytest.fixture
def home(tmp_path, terminal):
    place = tmp_path / "home"
    yield place
    terminal.call(place, "down")
    for process in terminal.processes_of(place):
        process.kill()


def test_endpoints_are_up_until_down_and_what_they_hold_stays(home, terminal, tmp_path) -> None:
    around = {name: tmp_path / name for name in ("cwd", "user", "tmp")}
    for place in around.values():
        place.mkdir()
    up = terminal.run(home, "up", *FREE, cwd=around["cwd"], HOME=str(around["user"]), TMPDIR=str(around["tmp"]))
    assert up.code == 0, up.err
    ports = {name: endpoint["port"] for name, endpoint in _state(home)["endpoints"].items()}

    # Ports are told, and nothing listens but on loopback.
    for port in ports.values():
        assert re.search(rf"\b{port}\b", up.out), up.out
    listening = {
        connection.laddr
        for process in terminal.processes_of(home)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {address.port for address in listening} == set(ports.values())

    # A second one is refused, and changes nothing.
    again = terminal.run(home, "up", *FREE)
    assert again.code == 1
    assert "running already" in again.err
    assert "lakehouse down" in again.err
    assert {name: endpoint["port"] for name, endpoint in _state(home)["endpoints"].items()} == ports

    # Killed, both come back on the same port with what they held.
    assert terminal.call(home, "simulate", "--events", "40", "--json").json()["events"] == 40
    killed = {name: child["pid"] for name, child in _state(home)["children"].items()}
    for pid in killed.values():
        psutil.Process(pid).send_signal(signal.SIGKILL)
    assert terminal.within(30, lambda: not set(killed.values()) & {c["pid"] for c in _state(home)["children"].values()})
    assert {name: endpoint["port"] for name, endpoint in _state(home)["endpoints"].items()} == ports
    assert terminal.call(home, "simulate", "--events", "10", "--json").json()["events"] == 10

    # Down and up again: the events are still there.
    down = terminal.run(home, "down")
    assert (down.code, down.err.strip()) == (0, "Local endpoints ended.")
    assert terminal.processes_of(home) == []
    assert not (home / "local.env").exists()
    assert [found for place in around.values() for found in place.rglob("*")] == []
    assert terminal.call(home, "up", *FREE).code == 0
    ingested = terminal.run(home, "ingest", "bronze", "--until-head", "--quiet")
    assert ingested.code == 0, ingested.err
    assert "50 events committed" in ingested.err


@pytest.mark.parametrize("option", ["--event-hubs-port", "--kusto-port"])
def test_a_port_that_is_taken_is_named_and_nothing_is_left(home, terminal, option) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        free = [name for name in ("--event-hubs-port", "--kusto-port") if name != option]

        up = terminal.run(home, "up", option, port, free[0], "0")

    assert up.code == 1
    assert up.out == ""
    assert up.err.startswith("error: ")
    assert f"port {port} is taken" in up.err
    assert f"another {option}" in up.err
    assert terminal.within(10, lambda: not terminal.processes_of(home))
    assert not (home / "local.env").exists()


def test_down_ends_endpoints_whose_supervisor_was_killed(home, terminal) -> None:
    assert terminal.call(home, "up", *FREE).code == 0
    psutil.Process(_state(home)["supervisor"]["pid"]).send_signal(signal.SIGKILL)
    assert terminal.within(5, lambda: len(terminal.processes_of(home)) == 2)

    down = terminal.call(home, "down")

    assert (down.code, down.err.strip()) == (0, "Local endpoints ended.")
    assert terminal.processes_of(home) == []


def test_down_without_up_says_so(home, terminal) -> None:
    down = terminal.call(home, "down")

    assert (down.code, down.err.strip()) == (0, "No local endpoints are running.")
