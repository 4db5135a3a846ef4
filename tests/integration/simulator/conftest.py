"""A local Event Hubs endpoint per test, which can be killed and restarted, and a way to read back what it holds."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.eventhub import EventData, EventHubConsumerClient

from settings.model import EventHubs, Settings

HUB = "telemetry"
PARTITIONS = 4


@dataclass
class Received:
    partition_id: str
    sequence_number: int
    partition_key: str | None
    message_id: str
    content_type: str
    properties: dict[str, str]
    body: bytes


class Endpoint:
    """The endpoint as its own process; `start` again finds the same data on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.connection_string = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        log = (self.folder / "log").open("ab")
        command = ["-m", "local_azure.event_hubs", "--data", str(self.folder / "data"), "--port", str(self.port)]
        command += ["--hub", f"{HUB}:{PARTITIONS}", "--ready-file", str(ready)]
        self._process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the endpoint did not start within 30 s"
            time.sleep(0.05)
        started = json.loads(ready.read_text())
        self.port, self.connection_string = started["port"], started["connection_string"]

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=10)
            self._process = None

    @property
    def settings(self) -> Settings:
        return Settings(event_hubs=EventHubs(connection_string=self.connection_string, hub=HUB))

    def received(self) -> list[Received]:
        """Every event the hub holds, by partition and sequence number."""
        client = EventHubConsumerClient.from_connection_string(self.connection_string, "$Default", eventhub_name=HUB)
        ends: dict[str, int] = {}
        for partition_id in client.get_partition_ids():
            ends[partition_id] = client.get_partition_properties(partition_id)["last_enqueued_sequence_number"]
        events: list[Received] = []
        waiting = {p for p, last in ends.items() if last >= 0}
        done = threading.Event()

        def take(context, batch: list[EventData]) -> None:
            events.extend(_received(context.partition_id, event) for event in batch)
            if batch and batch[-1].sequence_number >= ends[context.partition_id]:
                waiting.discard(context.partition_id)
            if not waiting:
                done.set()

        if waiting:
            reader = threading.Thread(
                target=client.receive_batch,
                args=(take,),
                kwargs={"starting_position": "-1", "prefetch": 3000, "max_batch_size": 3000},
                daemon=True,
            )
            reader.start()
            finished = done.wait(timeout=60)
            client.close()
            reader.join(timeout=10)
            assert finished, f"partitions {waiting} were not read to their end within 60 s"
        client.close()
        return sorted(events, key=lambda event: (event.partition_id, event.sequence_number))


def _received(partition_id: str, event: EventData) -> Received:
    return Received(
        partition_id=partition_id,
        sequence_number=event.sequence_number,
        partition_key=event.partition_key.decode() if event.partition_key else None,
        message_id=event.message_id,
        content_type=event.content_type,
        properties={k.decode(): v.decode() for k, v in event.properties.items()},
        body=b"".join(event.body),
    )


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    folder = tmp_path / "endpoint"
    folder.mkdir()
    started = Endpoint(folder)
    try:
        started.start()
        yield started
    finally:
        started.kill()
