"""From the moment a device's event is handed to the broker's client until its commit can be seen.

Belongs here: a steady stream with the sending time in each body, a worker beside it, and the times read from the lake.
A commit can be seen when its log entry has appeared: its file's modification time.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from azure.eventhub import EventData, EventHubProducerClient
from confluent_kafka import Producer

from benchmarks.measured import child
from benchmarks.ours import settings_of
from ingest_workers import logs
from ingest_workers.bronze import run_bronze
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY

EVERY = 0.1
"""Seconds between sends."""
STARTS = 2.0
"""Seconds a worker gets to open its links before the stream begins."""


def measure(job: dict[str, Any], *, rate: int, seconds: float, partitions: int) -> dict[str, float]:
    """Milliseconds at p50, p95 and p99 while `rate` events a second come for so many seconds."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.latency", json.dumps(job | {"seconds": STARTS + seconds + 3})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert worker.stdout is not None
        worker.stdout.readline()
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
        time.sleep(STARTS)
        _send(job["hub"], rate, seconds, partitions)
        worker.communicate(timeout=seconds + 60)
    finally:
        worker.kill()
    found = sorted(_latencies(job["lake"]))
    if not found:
        raise RuntimeError("the worker committed nothing")
    return {
        "events": len(found),
        **{f"p{share}": found[min(len(found) * share // 100, len(found) - 1)] for share in (50, 95, 99)},
    }


def _send(hub: dict[str, Any], rate: int, seconds: float, partitions: int) -> None:
    send = _by_kafka(hub) if hub.get("transport") == "kafka" else _by_amqp(hub)
    each, begun, turn = max(1, int(rate * EVERY)), time.monotonic(), 0
    while (left := begun + turn * EVERY - time.monotonic()) < seconds and turn * EVERY < seconds:
        time.sleep(max(left, 0))
        body = json.dumps({"sent": time.time(), "note": "x" * 260}).encode()
        send([body] * each, turn % partitions)
        turn += 1


def _by_amqp(hub: dict[str, Any]) -> Callable[[list[bytes], int], None]:
    producer = EventHubProducerClient.from_connection_string(hub["connection_string"], eventhub_name=hub["hub"])

    def send(bodies: list[bytes], partition: int) -> None:
        batch = producer.create_batch(partition_id=str(partition))
        for body in bodies:
            batch.add(EventData(body))
        producer.send_batch(batch)

    return send


def _by_kafka(hub: dict[str, Any]) -> Callable[[list[bytes], int], None]:
    producer = Producer({"bootstrap.servers": hub["kafka_servers"], "linger.ms": 5})

    def send(bodies: list[bytes], partition: int) -> None:
        for body in bodies:
            producer.produce(hub["hub"], body, partition=partition)
        producer.flush(10)

    return send


def _latencies(root: str) -> list[float]:
    folder = Path(Lake(root).uri(BRONZE_TELEMETRY))
    found: list[float] = []
    for entry in sorted((folder / "_delta_log").glob("*.json")):
        seen = entry.stat().st_mtime
        for action in map(json.loads, entry.read_text().splitlines()):
            if "add" in action:
                bodies = pq.read_table(folder / action["add"]["path"], columns=["body"], partitioning=None)["body"]
                found += [1000 * (seen - json.loads(body)["sent"]) for body in bodies.to_pylist()]
    return found


def work(job: dict[str, Any]) -> int:
    """A worker for so many seconds."""
    logs.configure(level=logging.ERROR)
    stop = threading.Event()
    threading.Timer(job["seconds"], stop.set).start()
    return run_bronze(settings_of(job), stop=stop).committed


if __name__ == "__main__":
    child(work)
