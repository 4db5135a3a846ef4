from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import KafkaException, Producer

from ingest_workers import kafka_client
from ingest_workers.kafka import KafkaSource
from ingest_workers.source import RefusedError, SourceError
from quality.contracts.tables import BRONZE_TELEMETRY, LOST
from settings.model import EventHubs


def expected(counts: dict[str, int]) -> list[tuple[str, int, bytes]]:
    return [(name, n, f"{name}/{n}".encode()) for name, count in counts.items() for n in range(count)]


def test_bronze_is_the_topic(topic, bronze):
    topic.fill({"0": 3000, "1": 10})
    summary = bronze.run(until_head=True)
    assert (summary.ended, summary.committed, summary.gaps) == ("at head", 3010, ())
    assert bronze.held() == expected({"0": 3000, "1": 10})
    first = bronze.rows()[0]
    assert (first["hub"], first["offset"], first["device_id"]) == (topic.name, "0", "dev-1")
    (commit,) = bronze.lake.open(BRONZE_TELEMETRY).history(1)
    assert commit["transport"] == "kafka"


def test_an_empty_topic_writes_nothing(bronze):
    summary = bronze.run(until_head=True)
    assert (summary.ended, summary.committed, summary.commits) == ("at head", 0, 0)


def test_a_restart_reads_on_after_the_last_committed_event(topic, bronze):
    topic.fill({"0": 50, "1": 20})
    bronze.run(until_head=True)
    topic.fill({"0": 30}, first=50)
    summary = bronze.run(until_head=True)
    assert (summary.received, summary.committed, summary.already_there) == (30, 30, 0)
    assert bronze.held() == expected({"0": 80, "1": 20})


def test_two_workers_at_once_hold_each_event_once(topic, bronze):
    topic.fill({"0": 2000, "1": 2000})
    outcome = []
    threads = [threading.Thread(target=lambda: outcome.append(bronze.run(until_head=True))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(summary.committed for summary in outcome) == 4000
    assert bronze.held() == expected({"0": 2000, "1": 2000})


def test_the_brokers_time_is_the_time_of_enqueueing(topic, bronze):
    before = datetime.now(UTC)
    topic.append((b"k", b"v", []), stamp=86_400_000)
    after = datetime.now(UTC)
    bronze.run(until_head=True)
    (row,) = bronze.rows()
    assert before - timedelta(seconds=1) <= row["enqueued_at"] <= after
    assert row["enqueued_at"] < row["ingested_at"]
    assert dict(row["properties"]) == {}


def test_a_producers_time_is_kept_and_not_believed(topic, bronze):
    topic.send(b"v", timestamp=86_400_000)
    bronze.run(until_head=True)
    (row,) = bronze.rows()
    assert row["enqueued_at"] == row["ingested_at"]
    assert dict(row["properties"]) == {"sys.create_time": "1970-01-02T00:00:00.000Z"}


def test_whatever_a_device_sends_becomes_a_row(topic, bronze):
    large = bytes(range(256)) * 3600
    bodies = [b"\x00\xff\xfe", b"", b"{", large, b"after"]
    for body in bodies:
        topic.append((b"\xff", body, []))
    topic.append((None, b"odd header", [(b"\xff\xfe", b"1"), (b"fine", b"2")]), (b"dev-2", b"its neighbour", []))
    topic.send(None, key=b"dev-3")
    bronze.run(until_head=True)
    rows = bronze.rows()
    assert [row["body"] for row in rows] == [*bodies, b"odd header", b"its neighbour", b""]
    assert [row["device_id"] for row in rows] == ['{"$base64":"/w=="}'] * 5 + [None, "dev-2", "dev-3"]
    assert dict(rows[5]["properties"]) == {"sys.headers": "undecoded: a header's name is not UTF-8"}
    assert dict(rows[6]["properties"]) == {}
    assert dict(rows[7]["properties"])["sys.body"] == "null"


def test_markers_of_transactions_are_no_loss_and_the_head_is_reached(topic, bronze):
    producer = Producer({"bootstrap.servers": topic.broker.servers, "transactional.id": uuid.uuid4().hex})
    producer.init_transactions(60)
    for number in range(4):
        producer.begin_transaction()
        producer.produce(topic.name, f"{number}".encode(), partition=0)
        producer.commit_transaction(60)
    summary = bronze.run(until_head=True)
    assert (summary.ended, summary.committed, summary.gaps) == ("at head", 4, ())
    assert [(number, body) for _, number, body in bronze.held()] == [(0, b"0"), (2, b"1"), (4, b"2"), (6, b"3")]
    assert bronze.run(until_head=True).received == 0
    recorded = bronze.lake.rows(LOST)
    assert sorted(recorded["first_sequence_number"].to_pylist()) == [1, 3, 5]
    assert set(recorded["events"].to_pylist()) == {0}
    assert len(bronze.lake.open(LOST).file_uris()) == 1


def test_offsets_that_compaction_emptied_are_no_loss(topic, bronze):
    topic.append((b"k", b"0", []), spent=4)
    topic.append((b"k", b"5", []), spent=2)
    assert bronze.run(until_head=True).gaps == ()
    topic.append((b"k", b"8", []), (b"k", b"9", []))
    summary = bronze.run(until_head=True)
    assert (summary.received, summary.gaps) == (2, ())
    assert [(number, body) for _, number, body in bronze.held()] == [(0, b"0"), (5, b"5"), (8, b"8"), (9, b"9")]
    assert sum(bronze.lake.rows(LOST)["events"].to_pylist()) == 0


def test_what_retention_took_is_recorded_as_lost(topic, bronze, monkeypatch):
    """The broker in memory forgets nothing, so the test says where it begins."""
    topic.fill({"0": 10})
    bronze.run(until_head=True)
    topic.fill({"0": 40}, first=10)
    reach = kafka_client.Asking.reach

    def forgotten(self, partition):
        low, high = reach(self, partition)
        return (30, high) if partition == "0" else (low, high)

    monkeypatch.setattr(kafka_client.Asking, "reach", forgotten)
    summary = bronze.run(until_head=True)
    assert [(gap.partition_id, gap.first, gap.last) for gap in summary.gaps] == [("0", 10, 29)]
    assert [number for _, number, _ in bronze.held()] == [*range(10), *range(30, 50)]


def test_a_broker_that_stops_answering_and_comes_back_costs_no_event(own_topic, bronze_of, running):
    own_topic.fill({"0": 200, "1": 200})
    worker = running(bronze_of(own_topic))
    worker.until(400)
    own_topic.broker.freeze()
    threading.Event().wait(1.0)
    own_topic.broker.thaw()
    own_topic.fill({"0": 100, "1": 50}, first=200)
    worker.until(550)
    summary = worker.end()
    assert summary is not None
    assert (summary.ended, summary.gaps) == ("stopped", ())
    assert worker.bronze.held() == expected({"0": 300, "1": 250})


def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one(own_topic, bronze_of):
    bronze = bronze_of(own_topic)
    own_topic.fill({"0": 20})
    bronze.run(until_head=True)
    own_topic.broker.kill()
    own_topic.broker.start()
    own_topic.broker.create(own_topic.name, own_topic.partitions)
    own_topic.fill({"0": 5})
    with pytest.raises(SourceError, match="created anew"):
        bronze.run(until_head=True)
    assert bronze.held() == expected({"0": 20})


def test_a_topic_that_is_not_there_is_an_error_that_names_it(topic):
    source = KafkaSource(topic.hub().model_copy(update={"hub": "telemetri"}))
    with pytest.raises(RefusedError, match="no hub 'telemetri'"):
        source.heads()
    source.stop()


def test_a_broker_that_is_not_there_is_an_error_soon(monkeypatch):
    monkeypatch.setattr(kafka_client, "ANSWER_SECONDS", 1.0)
    source = KafkaSource(EventHubs(transport="kafka", kafka_servers="127.0.0.1:1", kafka_plaintext=True))
    with pytest.raises(KafkaException):
        source.heads()
    source.stop()
