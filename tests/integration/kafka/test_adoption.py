"""A hub that both transports show: the local AMQP endpoint and a Kafka topic with the same events."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage
from typer.testing import CliRunner

from ingest_workers import adoption, kafka_client
from ingest_workers.adoption import AdoptionError, adopt
from ingest_workers.bronze import run_bronze
from ingest_workers.sink import TransportChangedError
from lake.store import Lake
from orchestration.cli.main import app
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.model import BronzeWorker, EventHubs, Settings

EVENTS = 1200
HUBS = 16
PATIENCE = 60.0


@dataclass
class Amqp:
    """The endpoint as a process."""

    connection_string: str
    hub: str

    def send(self, partition: str, *events: EventData | AmqpAnnotatedMessage) -> None:
        with EventHubProducerClient.from_connection_string(self.connection_string, eventhub_name=self.hub) as producer:
            batch = producer.create_batch(partition_id=partition)
            for event in events:
                batch.add(event)
            producer.send_batch(batch)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Iterator[str]]]:
    """Its connection string, and names of hubs that no other test uses."""
    folder = tmp_path_factory.mktemp("amqp")
    ready, names = folder / "ready.json", [f"telemetry-{uuid.uuid4().hex[:8]}" for _ in range(HUBS)]
    command = [sys.executable, "-m", "local_azure.event_hubs", "--data", str(folder), "--port", "0"]
    command += ["--ready-file", str(ready)]
    for name in names:
        command += ["--hub", f"{name}:2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while not (ready.exists() and ready.read_text().strip()):
            assert process.poll() is None, "the endpoint ended"
            assert time.monotonic() < deadline, "the endpoint did not start"
            time.sleep(0.05)
        yield json.loads(ready.read_text())["connection_string"], iter(names)
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def topic(shared_broker, topic, endpoint):
    """Named like the hub."""
    shared_broker.create(name := next(endpoint[1]), topic.partitions)
    return replace(topic, name=name)


@pytest.fixture
def amqp(endpoint, topic) -> Amqp:
    return Amqp(endpoint[0], topic.name)


@dataclass
class Both:
    """One lake, and the same hub by either transport."""

    root: str
    by_amqp: EventHubs
    by_kafka: EventHubs

    def settings(self, hub: EventHubs) -> Settings:
        return Settings(root=self.root, event_hubs=hub, bronze=BronzeWorker(flush_seconds=0.5))

    def run(self, hub: EventHubs):
        return run_bronze(self.settings(hub), until_head=True)

    def adopt(self, hub: EventHubs):
        return adopt(self.settings(hub))

    def held(self) -> list[tuple[str, int, bytes]]:
        rows = Lake.of(self.settings(self.by_amqp)).rows(BRONZE_TELEMETRY).to_pylist()
        return sorted((row["partition_id"], row["sequence_number"], row["body"]) for row in rows)


@pytest.fixture
def both(tmp_path: Path, topic, amqp: Amqp) -> Both:
    by_amqp = EventHubs(connection_string=amqp.connection_string, hub=topic.name)
    return Both(str(tmp_path / "lake"), by_amqp, topic.hub())


def bodies(partition: str, count: int) -> list[bytes]:
    return [f"{partition}/{n}".encode() for n in range(count)]


def test_a_transport_that_shows_the_same_events_may_read_on(amqp, topic, both):
    amqp.send("0", *map(EventData, bodies("0", EVENTS)))
    amqp.send("1", *map(EventData, bodies("1", 3)))
    topic.fill({"0": EVENTS, "1": 3})
    both.run(both.by_amqp)
    topic.fill({"0": 50}, first=EVENTS)
    with pytest.raises(TransportChangedError, match="adopt-transport"):
        both.run(both.by_kafka)
    proofs = both.adopt(both.by_kafka)
    assert [(proof.partition_id, proof.last, proof.matched) for proof in proofs] == [
        ("0", EVENTS - 1, adoption.COMPARED),
        ("1", 2, 3),
    ]
    assert both.run(both.by_kafka).committed == 50
    assert both.held() == sorted(("0", number, body) for number, body in enumerate(bodies("0", EVENTS + 50))) + [
        ("1", number, body) for number, body in enumerate(bodies("1", 3))
    ]
    with pytest.raises(TransportChangedError, match="as read by kafka"):
        both.run(both.by_amqp)
    assert both.adopt(both.by_kafka) == []


def test_the_way_back_is_proved_just_so(amqp, topic, both, monkeypatch):
    topic.fill({"0": 20})
    amqp.send("0", *map(EventData, bodies("0", 25)))
    both.run(both.by_kafka)
    for name, value in {
        "LAKE_ROOT": both.root,
        "LAKE_EVENT_HUBS__HUB": topic.name,
        "LAKE_EVENT_HUBS__CONNECTION_STRING": amqp.connection_string,
    }.items():
        monkeypatch.setenv(name, value)
    told = CliRunner().invoke(app, ["ingest", "adopt-transport", "--json"])
    assert json.loads(told.stdout) == [{"partition_id": "0", "last": 19, "matched": 20, "not_compared": 0}]
    assert both.run(both.by_amqp).committed == 5


OTHERS = {
    "another body": ([b"0/0", b"0/1", b"other", b"0/3"], "event 2: the two hold different bodies"),
    "numbers moved by one": ([b"new", b"0/0", b"0/1", b"0/2", b"0/3"], "event 0: the two hold different bodies"),
    "an end too early": ([b"0/0", b"0/1"], "Bronze ends at 3 and the new transport at 1"),
}


@pytest.mark.parametrize(("shown", "says"), OTHERS.values(), ids=OTHERS)
def test_another_hub_is_refused_and_nothing_is_recorded(shown, says, amqp, topic, both):
    amqp.send("0", *map(EventData, bodies("0", 4)))
    both.run(both.by_amqp)
    topic.append(*[(None, body, []) for body in shown])
    topic.append((None, b"1/0", []), partition=1)
    with pytest.raises(AdoptionError, match=says):
        both.adopt(both.by_kafka)
    with pytest.raises(TransportChangedError):
        both.run(both.by_kafka)
    assert both.run(both.by_amqp).committed == 0


def test_an_event_the_new_transport_leaves_out_is_found(amqp, topic, both):
    amqp.send("0", *map(EventData, bodies("0", 4)))
    both.run(both.by_amqp)
    topic.append((None, b"0/0", []), spent=1)
    topic.append((None, b"0/2", []), (None, b"0/3", []))
    with pytest.raises(AdoptionError, match="event 1: Bronze holds it and the new transport does not deliver it"):
        both.adopt(both.by_kafka)


def test_without_a_common_event_nothing_is_proved(amqp, topic, both, monkeypatch):
    amqp.send("0", *map(EventData, bodies("0", 4)))
    both.run(both.by_amqp)
    topic.fill({"0": 10})
    heads = kafka_client.Asking.last_events
    monkeypatch.setattr(
        kafka_client.Asking,
        "last_events",
        lambda self, reaches: {name: replace(head, first=4) for name, head in heads(self, reaches).items()},
    )
    with pytest.raises(AdoptionError, match="holds none of the last events"):
        both.adopt(both.by_kafka)


def test_a_body_only_one_transport_can_show_is_compared_by_number(amqp, topic, both):
    amqp.send("0", EventData(b"0/0"), AmqpAnnotatedMessage(value_body={"t": 21.5}), EventData(b"0/2"))
    both.run(both.by_amqp)
    topic.append((None, b"0/0", []), (None, b"as the broker shows it", []), (None, b"0/2", []))
    (proof,) = both.adopt(both.by_kafka)
    assert (proof.matched, proof.not_compared) == (2, 1)
