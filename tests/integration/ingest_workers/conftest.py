"""The local Event Hubs as a process that a test can kill and start again, and a worker over it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from ingest_workers.bronze import run_bronze
from ingest_workers.report import Summary
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.model import BronzeWorker, EventHubs, Settings

HUB = "telemetry"


@dataclass
class Endpoint:
    """`python -m local_azure.event_hubs`, on the same port each time it starts."""

    folder: Path
    partitions: int = 2
    port: int = 0
    connection_string: str = ""
    process: subprocess.Popen | None = None

    def start(self) -> None:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [
            *(sys.executable, "-m", "local_azure.event_hubs", "--data", str(self.folder / "data")),
            *("--port", str(self.port), "--hub", f"{HUB}:{self.partitions}", "--ready-file", str(ready)),
            *("--consumer-group", "bronze"),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not (ready.exists() and ready.read_text().strip()):
            assert self.process.poll() is None, "the endpoint ended"
            assert time.monotonic() < deadline, "the endpoint did not start"
            time.sleep(0.05)
        started = json.loads(ready.read_text())
        self.port, self.connection_string = started["port"], started["connection_string"]

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)

    def send(self, events: list[EventData], partition: str | None = None, key: str | None = None) -> None:
        """Through the real producer, in as many batches as they need."""
        with EventHubProducerClient.from_connection_string(self.connection_string, eventhub_name=HUB) as producer:
            _send(producer, events, partition, key)

    def fill(self, counts: dict[str, int], first: int = 0) -> None:
        with EventHubProducerClient.from_connection_string(self.connection_string, eventhub_name=HUB) as producer:
            for partition, count in counts.items():
                _send(
                    producer, [EventData(f"{partition}/{n}".encode()) for n in range(first, first + count)], partition
                )


def _send(
    producer: EventHubProducerClient, events: list[EventData], partition: str | None, key: str | None = None
) -> None:
    batch = producer.create_batch(partition_id=partition, partition_key=key)
    for event in events:
        try:
            batch.add(event)
        except ValueError:
            producer.send_batch(batch)
            batch = producer.create_batch(partition_id=partition, partition_key=key)
            batch.add(event)
    producer.send_batch(batch)


@pytest.fixture
def partitions() -> int:
    """How many the hub has; a test module may have its own."""
    return 2


@pytest.fixture
def endpoint(tmp_path: Path, partitions: int) -> Iterator[Endpoint]:
    running = Endpoint(tmp_path, partitions)
    running.start()
    yield running
    running.kill()


@dataclass
class Bronze:
    """Settings of one lake and hub, and the rows that came of them."""

    settings: Settings

    def run(self, **how) -> Summary:
        return run_bronze(self.settings, **how)

    @property
    def lake(self) -> Lake:
        return Lake.of(self.settings)

    def rows(self) -> list[dict]:
        found = self.lake.rows(BRONZE_TELEMETRY).to_pylist()
        return sorted(found, key=lambda row: (row["partition_id"], row["sequence_number"]))

    def held(self) -> list[tuple[str, int, bytes]]:
        return [(row["partition_id"], row["sequence_number"], row["body"]) for row in self.rows()]

    def start(
        self,
        *arguments: str,
        stdout: IO | int = subprocess.PIPE,
        stderr: IO | int = subprocess.PIPE,
        **environment: str,
    ) -> subprocess.Popen:
        """The worker as a process of its own; `arguments` go to `run_bronze`."""
        program = (
            "from ingest_workers.bronze import run_bronze, stop_on_signals; from settings.model import Settings; "
            f"print(run_bronze(Settings(), stop=stop_on_signals(), {', '.join(arguments)}))"
        )
        hub, worker = self.settings.event_hubs, self.settings.bronze
        assert hub.connection_string is not None
        variables = {
            "LAKE_ROOT": self.settings.lake_root,
            "LAKE_EVENT_HUBS__CONNECTION_STRING": hub.connection_string.get_secret_value(),
            "LAKE_BRONZE__FLUSH_ROWS": str(worker.flush_rows),
            "LAKE_BRONZE__FLUSH_SECONDS": str(worker.flush_seconds),
        }
        return subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | variables | environment,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )


@pytest.fixture
def make_bronze(endpoint: Endpoint, tmp_path: Path) -> Callable[..., Bronze]:
    def make(**worker) -> Bronze:
        return Bronze(
            Settings(
                root=str(tmp_path / "lake"),
                event_hubs=EventHubs(connection_string=endpoint.connection_string, hub=HUB),
                bronze=BronzeWorker(**worker),
            )
        )

    return make


@pytest.fixture
def bronze(make_bronze: Callable[..., Bronze]) -> Bronze:
    return make_bronze(flush_seconds=0.5)
