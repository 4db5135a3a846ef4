"""The hub of a chaos run: an endpoint that can be killed, a sender that never gives up, and what the hub accepted.

Belongs here: processes and sockets of the hub. Does not: workers (`fleet`), or comparing (`verdict`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from azure.eventhub import EventData, EventHubProducerClient

from local_azure.event_hubs import message
from local_azure.event_hubs.log import read_partition
from local_azure.event_hubs.remote import Remote

NAME, PARTITIONS = "telemetry", 8
GROUPS = ("fleet", "rogue")


class Hub:
    """`python -m local_azure.event_hubs`, on the same port each time."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "hub"
        self._ready = folder / "hub.json"
        self._port = 0
        self.connection_string = ""
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._ready.unlink(missing_ok=True)
        groups = [part for group in GROUPS for part in ("--consumer-group", group)]
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "local_azure.event_hubs", "--data", str(self.data), "--port", str(self._port)),
                *("--hub", f"{NAME}:{PARTITIONS}", "--ready-file", str(self._ready), *groups),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not (self._ready.exists() and self._ready.read_text().strip()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the endpoint did not start")
            time.sleep(0.02)
        ready = json.loads(self._ready.read_text())
        self._port, self.connection_string = ready["port"], ready["connection_string"]

    def kill(self) -> None:
        """`kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)

    @property
    def door(self) -> Remote:
        """Where faults are asked for."""
        return Remote(self._port)

    def accepted(self) -> Iterator[tuple[str, int, bytes]]:
        """Every event the hub ever acknowledged, from its log: partition, number, body."""
        for partition in map(str, range(PARTITIONS)):
            for record in read_partition(self.data, NAME, partition):
                yield partition, record.sequence_number, bytes(message.decode(record.message).body)


class Sender(threading.Thread):
    """Sends to every partition in turn, through whatever happens to the hub."""

    def __init__(self, hub: Hub, events_per_second: float) -> None:
        super().__init__(name="sender", daemon=True)
        self._hub, self._batch = hub, 40
        self._pause = self._batch / events_per_second
        self._over = threading.Event()
        self.sent = self.failures = 0

    def run(self) -> None:
        """Until stopped; a send whose fate is unknown is sent again, and the hub then holds it twice."""
        turn = 0
        while not self._over.is_set():
            try:
                producer = EventHubProducerClient.from_connection_string(
                    self._hub.connection_string, eventhub_name=NAME, retry_total=0
                )
                with producer:
                    while not self._over.wait(self._pause):
                        partition = str(turn % PARTITIONS)
                        batch = producer.create_batch(partition_id=partition)
                        for place in range(self._batch):
                            batch.add(EventData(f"{partition}/{turn}/{place}".encode()))
                        producer.send_batch(batch)
                        self.sent += self._batch
                        turn += 1
            except Exception:  # noqa: BLE001 - whatever the SDK raises, the sender sends again
                self.failures += 1
                self._over.wait(0.3)

    def stop(self) -> None:
        """Send no more; returns when the last send is done."""
        self._over.set()
        self.join(60)
