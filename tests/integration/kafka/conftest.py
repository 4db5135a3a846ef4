"""A Kafka broker in memory, a topic of its own for each test, and a worker over it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from ingest_workers.bronze import run_bronze
from ingest_workers.report import Summary
from lake.store import Lake
from local_azure.kafka import wire
from local_azure.kafka.broker import Broker
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.model import BronzeWorker, EventHubs, Settings

PATIENCE = 60.0


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("kafka"))
    running.start()
    yield running
    running.kill()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """One that a test may freeze and kill."""
    running = Broker(tmp_path)
    running.start()
    yield running
    running.thaw()
    running.kill()


@dataclass
class Topic:
    """A topic as producers see it."""

    broker: Broker
    name: str
    partitions: int = 2

    def fill(self, counts: dict[str, int], first: int = 0) -> None:
        """Through the real producer; the last event goes alone, so that the broker counts it."""
        producer = Producer({"bootstrap.servers": self.broker.servers})
        for partition, count in counts.items():
            for n in range(first, first + count):
                if n == first + count - 1:
                    assert producer.flush(PATIENCE) == 0
                producer.produce(self.name, f"{partition}/{n}".encode(), key=b"dev-1", partition=int(partition))
        assert producer.flush(PATIENCE) == 0

    def send(self, value: bytes | None, *, partition: int = 0, **how) -> None:
        producer = Producer({"bootstrap.servers": self.broker.servers})
        producer.produce(self.name, value, partition=partition, **how)
        assert producer.flush(PATIENCE) == 0

    def append(self, *records: wire.Record, partition: int = 0, stamp: int | None = None, spent: int = 0) -> int:
        """As the broker's log would hold them: stamped by it, with offsets that belong to no event after them."""
        connection = wire.Wire(self.broker.port)
        try:
            stamp = int(time.time() * 1000) if stamp is None else stamp
            return connection.produce(self.name, partition, wire.batch(records, stamp, spent=spent))
        finally:
            connection.close()

    def hub(self, **fields) -> EventHubs:
        return EventHubs(
            transport="kafka", kafka_servers=self.broker.servers, kafka_plaintext=True, hub=self.name, **fields
        )


def _topic(broker: Broker, partitions: int = 2) -> Topic:
    made = Topic(broker, f"telemetry-{uuid.uuid4().hex[:8]}", partitions)
    broker.create(made.name, partitions)
    return made


@pytest.fixture
def topic(shared_broker: Broker) -> Topic:
    return _topic(shared_broker)


@pytest.fixture
def own_topic(own_broker: Broker) -> Topic:
    return _topic(own_broker)


@dataclass
class Bronze:
    """One lake over one topic."""

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


@pytest.fixture
def bronze_of(tmp_path: Path) -> Callable[..., Bronze]:
    def make(topic: Topic, **worker) -> Bronze:
        fields = {"flush_seconds": 0.5, **worker}
        return Bronze(Settings(root=str(tmp_path / "lake"), event_hubs=topic.hub(), bronze=BronzeWorker(**fields)))

    return make


@pytest.fixture
def bronze(topic: Topic, bronze_of: Callable[..., Bronze]) -> Bronze:
    return bronze_of(topic)


@dataclass
class Running:
    """A worker in a thread."""

    bronze: Bronze

    def __post_init__(self) -> None:
        self.stop, self.seen, self.outcome, self.failure = threading.Event(), [], [], None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.outcome.append(self.bronze.run(stop=self.stop, on_progress=self.seen.append))
        except Exception as problem:  # noqa: BLE001 - told by `until`, in the thread of the test
            self.failure = problem

    def until(self, received: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while not (self.seen and self.seen[-1].received >= received):
            assert self.failure is None, self.failure
            assert time.monotonic() < deadline, f"{received} events did not arrive: {self.seen[-1:]}"
            time.sleep(0.05)

    def end(self) -> Summary | None:
        self.stop.set()
        self._thread.join(PATIENCE)
        return self.outcome[0] if self.outcome else None

    def wait(self) -> None:
        self._thread.join(PATIENCE)


@pytest.fixture
def running() -> Iterator[Callable[[Bronze], Running]]:
    started: list[Running] = []

    def start(bronze: Bronze) -> Running:
        started.append(Running(bronze))
        return started[-1]

    yield start
    for each in started:
        each.end()
