"""`lakehouse status` over a real hub, a real worker and a real lake."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from orchestration.fleet_status import Status, look
from settings.model import EventHubs, Settings

HUB = "telemetry"


@dataclass
class Endpoint:
    connection_string: str
    process: subprocess.Popen

    def send(self, count: int, partition: str = "0") -> None:
        with EventHubProducerClient.from_connection_string(self.connection_string, eventhub_name=HUB) as producer:
            batch = producer.create_batch(partition_id=partition)
            for n in range(count):
                batch.add(EventData(f"{partition}/{n}".encode()))
            producer.send_batch(batch)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("hub")
    ready = folder / "ready.json"
    command = [
        *(sys.executable, "-m", "local_azure.event_hubs", "--data", str(folder / "data")),
        *("--port", "0", "--hub", f"{HUB}:2", "--ready-file", str(ready)),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: ready.exists() and ready.read_text().strip())
    yield Endpoint(json.loads(ready.read_text())["connection_string"], process)
    process.kill()
    process.wait(10)


def wait_until(true, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def settings_of(home: Path, connection_string: str | None) -> Settings:
    return Settings(home=home, event_hubs=EventHubs(connection_string=connection_string), _env_file=None)


def command(home: Path, *arguments: str, connection_string: str = "", **more: str) -> dict:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LAKE_", "OTEL_"))}
    return {
        "args": [sys.executable, "-m", "orchestration.cli.main", *arguments],
        "env": {
            **environment, "LAKE_HOME": str(home), "LAKE_EVENT_HUBS__CONNECTION_STRING": connection_string, **more,
        },
        "cwd": Path(__file__).parents[3],
    }  # fmt: skip


def test_a_fleet_at_work_is_seen_and_its_end_and_restart_too(tmp_path, endpoint):
    """One worker: it works, is killed, is started again, and stops as planned."""
    told = command(
        tmp_path, "ingest", "bronze", "--quiet", connection_string=endpoint.connection_string,
        LAKE_BRONZE__FLUSH_SECONDS="0.2", LAKE_OPERATIONS__CARD_SECONDS="0.5",
        LAKE_OPERATIONS__HEALTH_PORT="0", LAKE_BRONZE__WORKER="alpha",
    )  # fmt: skip
    settings = settings_of(tmp_path, endpoint.connection_string)
    endpoint.send(30)
    worker = subprocess.Popen(**told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        status = wait_for(settings, lambda seen: only(seen, "committed") == 30 and only(seen, "state") == "running")
        assert (only(status, "worker"), only(status, "restarts")) == ("alpha-0", 0)
        assert [(p.partition, p.worker, p.held, p.lag_events, p.lag_seconds) for p in status.partitions] == [
            ("0", "alpha-0", 29, 0, 0.0),
            ("1", "alpha-0", None, 0, 0.0),
        ]
        assert sum(commit["events"] for commit in status.commits) == 30
        assert status.hub_problem == ""

        probes = status.workers[0]["probes"]
        assert asked(f"{probes}/healthz") == 200
        assert asked(f"{probes}/readyz") == 200
        with urllib.request.urlopen(f"{probes}/metrics", timeout=10) as page:
            assert b"lakehouse_bronze_events_committed_total" in page.read()

        worker.kill()
        worker.wait(10)
        endpoint.send(12)
        status = wait_for(settings, lambda seen: only(seen, "state").startswith("silent"))
        behind = status.partitions[0]
        assert (behind.worker, behind.lag_events) == ("", 12)
        assert behind.lag_seconds is not None
        assert behind.lag_seconds > 0

        worker = subprocess.Popen(**told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(settings, lambda seen: only(seen, "restarts") == 1 and only(seen, "committed") == 12)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    finally:
        worker.kill()
        worker.wait(10)
    (ended,) = look(settings).workers
    assert (ended["state"], ended["last_end"]) == ("ended", "killed, or its host went down")


def wait_for(settings: Settings, true: Callable[[Status], bool], seconds: float = 60) -> Status:
    """Look until it is as wanted; a busy machine may have a card late and a hub slow."""
    deadline = time.monotonic() + seconds
    while not true(seen := look(settings, wait=20)):
        assert time.monotonic() < deadline, f"it did not come true: {seen}"
        time.sleep(0.05)
    return seen


def only(seen: Status, name: str) -> Any:
    """What the one worker's card says; empty or nothing while there is none."""
    return seen.workers[0][name] if seen.workers else ""


def asked(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status)


def test_an_empty_lake_and_no_hub_are_said_and_nothing_is_made(tmp_path):
    home = tmp_path / "home"
    done = subprocess.run(**command(home, "status"), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "holds no tables yet" in done.stderr
    assert "does not answer" in done.stderr
    assert not home.exists()


def test_a_hub_that_hangs_is_not_waited_for(tmp_path):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        port = mute.getsockname()[1]
        connection = (
            f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )
        begun = time.monotonic()
        status = look(settings_of(tmp_path, connection), wait=1)
        assert time.monotonic() - begun < 30
    assert status.hub_problem


def test_json_is_one_document_with_the_same_facts(tmp_path):
    done = subprocess.run(
        **command(tmp_path, "status", "--json"), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["workers"], found["partitions"], found["tiers"], found["commits"]) == ([], [], [], [])
    assert found["origin"] == "local/telemetry/0"
