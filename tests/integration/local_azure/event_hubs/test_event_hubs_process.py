"""The endpoint as a process: started, killed, restarted, stopped, and never silently in the way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData

from local_azure.event_hubs.log import read_partition
from local_azure.event_hubs.message import decode

Receive = Callable[..., Any]


def stored(endpoint: Any, partition_id: str = "0") -> list[bytes]:
    return [decode(record.message).body for record in read_partition(endpoint.data, "telemetry", partition_id)]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_events_and_their_places_survive_a_restart(start: Any, receive: Receive, end: str) -> None:
    endpoint = start()
    endpoint.put(b"a", b"b")
    before = [(event.sequence_number, event.offset) for _, event in receive(endpoint.consumer(), 2).events]
    getattr(endpoint, end)()

    again = start()
    again.put(b"c")
    got = receive(again.consumer(), 3, partition_id="0")

    assert got.bodies() == [b"a", b"b", b"c"]
    assert [(event.sequence_number, event.offset) for _, event in got.events][:2] == before
    assert got.events[2][1].sequence_number == 2


def test_every_acknowledged_send_survives_kill_9(start: Any) -> None:
    endpoint = start()
    acknowledged: list[int] = []

    def send_on() -> None:
        with endpoint.producer() as producer:
            number = 0
            while True:
                producer.send_batch([EventData(f"{number + i}") for i in range(20)], partition_id="0")
                number += 20
                acknowledged.append(number)

    def send() -> None:
        with pytest.raises(Exception):  # noqa: B017 - the server dies under it, anything may come
            send_on()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    while len(acknowledged) < 50:
        time.sleep(0.01)
    endpoint.kill()
    thread.join(60)

    again = start()
    kept = stored(again)
    assert kept[: acknowledged[-1]] == [str(number).encode() for number in range(acknowledged[-1])]
    # At most the one batch whose acknowledgement was lost, and that one whole.
    assert len(kept) - acknowledged[-1] in (0, 20)


def test_a_consumer_goes_on_by_itself_after_a_restart(start: Any, receive: Receive) -> None:
    endpoint = start()
    endpoint.put(b"before")
    got = receive(endpoint.consumer(retry_total=10, retry_backoff_factor=0.1), None, partition_id="0")
    deadline = time.monotonic() + 60
    while not got.events and time.monotonic() < deadline:
        time.sleep(0.05)
    endpoint.kill()

    again = start(port=endpoint.port)
    again.put(b"after")
    while len(got.events) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)

    assert got.bodies() == [b"before", b"after"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_with_clients_connected_and_says_so(start: Any, receive: Receive, number: int) -> None:
    endpoint = start()
    endpoint.put(b"a")
    receive(endpoint.consumer(), None, partition_id="0")
    time.sleep(0.5)

    endpoint.process.send_signal(number)
    _, said = endpoint.process.communicate(timeout=60)

    assert endpoint.process.returncode == 0
    assert said.splitlines() == [
        f"event hubs listens on 127.0.0.1:{endpoint.port}, data in {endpoint.data}",
        "event hubs stops",
    ]
    assert not endpoint.ready_file.exists()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local_azure.event_hubs", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_busy_port_is_an_error_that_names_port_and_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        ended = run("--data", str(tmp_path), "--hub", "telemetry:1", "--port", str(port))

    assert ended.returncode == 98
    assert ended.stderr.startswith(f"port {port} is taken by another process (pid {os.getpid()}, ")
    assert ended.stderr.count("\n") == 1


def test_a_folder_in_use_is_an_error_that_names_its_user(endpoint: Any) -> None:
    ended = run("--data", str(endpoint.data), "--hub", "telemetry:2", "--port", "0")

    assert ended.returncode == 1
    assert f"in use by another Event Hubs endpoint (pid {endpoint.pid})" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_send_that_was_cut_off_is_dropped_and_told(start: Any, receive: Receive) -> None:
    endpoint = start()
    endpoint.put(b"kept")
    endpoint.kill()
    [log] = (endpoint.data / "telemetry" / "0").glob("*.log")
    whole = log.read_bytes()
    log.write_bytes(whole + whole[8:40])

    again = start()
    assert receive(again.consumer(), 1, partition_id="0").bodies() == [b"kept"]
    again.process.send_signal(signal.SIGTERM)
    assert "telemetry/0: dropped 32 bytes" in again.process.communicate(timeout=60)[1]


@pytest.mark.parametrize(
    "arguments",
    [("--hub", "telemetry"), ("--hub", ":4"), ("--hub", "t:1", "--clock-start", "2024-01-01"), ()],
)
def test_wrong_options_are_explained(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run("--data", str(tmp_path / "data"), *arguments)

    assert ended.returncode == 2
    assert "usage:" in ended.stderr
    assert not (tmp_path / "data").exists()
