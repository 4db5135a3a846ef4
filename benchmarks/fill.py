"""The stream into a broker, before anything is measured.

Belongs here: starting the brokers and filling a hub of each with the same events. Does not: reading them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from azure.eventhub import EventData, EventHubProducerClient

from benchmarks.stream import CONTENT_TYPE, SCHEMA, bodies
from local_azure import supervisor
from local_azure.azurite import starter
from local_azure.kafka import wire
from local_azure.kafka.broker import Broker

START_SECONDS = 60.0
DIFFERENT = 20_000
"""Events that differ; then they repeat, farther apart than a compressor looks back."""
KAFKA_BATCH = 500


@contextmanager
def amqp_endpoint(folder: Path, hubs: list[str], partitions: int) -> Iterator[str]:
    """The local Event Hubs endpoint as a process; its connection string."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "local_azure.event_hubs", "--data", str(folder / "hub"), "--port", "0"]
    command += ["--ready-file", str(ready)]
    for hub in hubs:
        command += ["--hub", f"{hub}:{partitions}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while not (ready.exists() and ready.read_text().strip()):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the local Event Hubs endpoint did not start")
            time.sleep(0.05)
        yield str(json.loads(ready.read_text())["connection_string"])
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def blob_storage(folder: Path) -> Iterator[str]:
    """Azurite, for the checkpoints of those who keep some; its connection string."""
    place = folder / "blobs"
    try:
        yield starter.connection_string(supervisor.start([starter.azurite(starter.install())], place))
    finally:
        supervisor.stop(place)


@contextmanager
def kafka_broker(folder: Path) -> Iterator[Broker]:
    """The Kafka broker in memory."""
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def fill_amqp(connection_string: str, hub: str, partitions: int, count: int, size: int) -> None:
    """`count` events by the SDK's producer, a batch to each partition in turn."""
    made = [event for _, event in _events(min(count, DIFFERENT), size)]
    with EventHubProducerClient.from_connection_string(connection_string, eventhub_name=hub) as producer:
        at, turn = 0, 0
        while at < count:
            batch = producer.create_batch(partition_id=str(turn % partitions))
            taken = 0
            for number in range(at, min(count, at + 1000)):
                try:
                    batch.add(made[number % len(made)])
                except ValueError:
                    break
                taken += 1
            producer.send_batch(batch)
            at, turn = at + taken, turn + 1


def _events(count: int, size: int) -> Iterator[tuple[str, EventData]]:
    for device, body in bodies(count, size):
        event = EventData(body)
        event.content_type = CONTENT_TYPE
        event.properties = {"schema": SCHEMA}
        yield device, event


def fill_kafka(broker: Broker, topic: str, partitions: int, count: int, size: int) -> None:
    """`count` events stamped by the broker, a batch to each partition in turn; the last of each goes alone.

    (The broker tells the end of a partition by the first event of its last batch.)
    """
    broker.create(topic, partitions)
    headers = [(b"content-type", CONTENT_TYPE.encode()), (b"schema", SCHEMA.encode())]
    records = ((device.encode(), body, headers) for device, body in bodies(min(count, DIFFERENT), size))
    stamp = int(time.time() * 1000)
    batches: list[bytes] = []
    while part := list(islice(records, KAFKA_BATCH)):
        batches.append(wire.batch(part, stamp))
    last = wire.batch([(b"dev-00000", next(bodies(1, size))[1], headers)], stamp)
    connection = wire.Wire(broker.port)
    for turn in range((count - partitions) // KAFKA_BATCH):
        connection.produce(topic, turn % partitions, batches[turn % len(batches)])
    for partition in range(partitions):
        connection.produce(topic, partition, last)
    connection.close()
