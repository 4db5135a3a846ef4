from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub._pyamqp import _encode
from azure.eventhub.amqp import AmqpAnnotatedMessage

from ingest_workers.amqp import AmqpSource
from ingest_workers.source import RefusedError
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.model import EventHubs


def expected(counts: dict[str, int]) -> list[tuple[str, int, bytes]]:
    return [(name, n, f"{name}/{n}".encode()) for name, count in counts.items() for n in range(count)]


def test_bronze_is_the_hub(endpoint, bronze):
    endpoint.fill({"0": 2500, "1": 10})
    summary = bronze.run(until_head=True)
    assert (summary.ended, summary.committed, summary.gaps) == ("at head", 2510, ())
    assert bronze.held() == expected({"0": 2500, "1": 10})
    first = bronze.rows()[0]
    assert first["hub"] == "telemetry"
    assert first["offset"]
    assert first["offset"] != str(first["sequence_number"])
    assert first["enqueued_at"].microsecond % 1000 == 0
    assert abs((datetime.now(UTC) - first["enqueued_at"]).total_seconds()) < 60
    assert first["ingested_at"] >= first["enqueued_at"].replace(microsecond=0)


def test_an_empty_hub_writes_nothing(bronze):
    summary = bronze.run(until_head=True)
    assert (summary.ended, summary.committed, summary.commits) == ("at head", 0, 0)


def test_a_restart_reads_on_after_the_last_committed_event(endpoint, bronze):
    endpoint.fill({"0": 50, "1": 20})
    bronze.run(until_head=True)
    endpoint.fill({"0": 30}, first=50)
    summary = bronze.run(until_head=True)
    assert (summary.received, summary.committed, summary.already_there) == (30, 30, 0)
    assert bronze.held() == expected({"0": 80, "1": 20})


PROPERTIES = {
    "text": ("text", "text"),
    "accent": ("é", "é"),
    "binary": (b"\x00\xff", '{"$base64":"AP8="}'),
    "binary that could be text": (b"text", '{"$base64":"dGV4dA=="}'),
    "small": (7, "7"),
    "negative": (-1, "-1"),
    "large": (2**31 - 1, "2147483647"),
    "double": (21.5, "21.5"),
    "true": (True, "true"),
    "false": (False, "false"),
    "null": (None, "null"),
    "uuid": (uuid.UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
    "time": (datetime(2026, 11, 21, 3, 0, 0, 123000, UTC), '"2026-11-21T03:00:00.123Z"'),
    "decimal": (Decimal("-21.53"), '{"$decimal":"-21.53"}'),
}


def test_properties_of_every_type_arrive_as_text_or_json(endpoint, bronze):
    event = EventData(b"")
    event.properties = {name: value for name, (value, _) in PROPERTIES.items()}
    endpoint.send([event], "0")
    bronze.run(until_head=True)
    (row,) = bronze.rows()
    assert dict(row["properties"]) == {name: written for name, (_, written) in PROPERTIES.items()}


def test_system_properties_and_bodies_of_every_kind_arrive(endpoint, bronze):
    plain = EventData(b"\x00\xff")
    plain.content_type, plain.message_id, plain.correlation_id = "application/json", "m-1", "c-1"
    plain.properties = {"schema": "simulator.v1", "sys.message_id": "forged"}
    endpoint.send([plain], key="sim-00001")
    bodies = [
        AmqpAnnotatedMessage(value_body={"t": 21.5, "raw": b"\x00"}),
        AmqpAnnotatedMessage(sequence_body=[[1, "a"], [None]]),
        AmqpAnnotatedMessage(data_body=[b"ab", b"c"], properties={"content_encoding": "gzip"}),
    ]
    for body in bodies:
        endpoint.send([body], "1")
    endpoint.send([EventData(b"")], "1")
    bronze.run(until_head=True)
    rows = bronze.rows()
    (keyed,) = [row for row in rows if row["device_id"]]
    assert (keyed["device_id"], keyed["content_type"], keyed["schema_ref"]) == (
        "sim-00001",
        "application/json",
        "simulator.v1",
    )
    assert dict(keyed["properties"]) == {
        "schema": "simulator.v1",
        "app.sys.message_id": "forged",
        "sys.message_id": "m-1",
        "sys.correlation_id": "c-1",
        "sys.partition_key": "sim-00001",
    }
    others = [row for row in rows if row is not keyed]
    assert [(row["body"], dict(row["properties"]).get("sys.body")) for row in others] == [
        (b'{"t":21.5,"raw":{"$base64":"AA=="}}', "value"),
        (b'[[1,"a"],[null]]', "sequence"),
        (b"abc", None),
        (b"", None),
    ]
    assert others[2]["content_encoding"] == "gzip"


def test_a_type_the_sdk_cannot_read_does_not_stop_a_partition(endpoint, bronze, monkeypatch):
    """A char, as .NET devices send it: the SDK writes and reads none, so the test writes it in a UUID's place."""
    odd = EventData(b"odd")
    odd.properties = {"letter": uuid.UUID(int=7)}
    with monkeypatch.context() as patched:
        patched.setattr(_encode, "encode_uuid", lambda output, value, **_: output.extend(b"\x73\x00\x00\x00\x41"))
        endpoint.send([EventData(b"before"), odd, EventData(b"after")], "0")
    bronze.run(until_head=True)
    assert [(row["body"], dict(row["properties"])) for row in bronze.rows()] == [
        (b"before", {}),
        (b"odd", {"letter": "A"}),
        (b"after", {}),
    ]


def test_a_large_event_and_its_neighbours_arrive(endpoint, bronze):
    large = bytes(range(256)) * 3600
    endpoint.send([EventData(b"before"), EventData(large), EventData(b"after")], "0")
    bronze.run(until_head=True)
    assert [body for _, _, body in bronze.held()] == [b"before", large, b"after"]


def test_a_busy_partition_is_not_held_up_by_idle_ones(endpoint, bronze):
    """3,000 events at five polls of 0.2 s a second per idle partition would take seconds more."""
    endpoint.fill({"0": 3000})
    begun = time.monotonic()
    bronze.run(until_head=True)
    assert time.monotonic() - begun < 20
    assert len(bronze.held()) == 3000


def test_stopping_takes_less_than_five_seconds_and_keeps_what_came(endpoint, make_bronze):
    bronze = make_bronze(flush_seconds=60, flush_rows=10**6)
    endpoint.fill({"0": 500, "1": 500})
    stop, seen, outcome = threading.Event(), [], []
    thread = threading.Thread(target=lambda: outcome.append(bronze.run(stop=stop, on_progress=seen.append)))
    thread.start()
    deadline = time.monotonic() + 30
    while not (seen and seen[-1].received == 1000) and time.monotonic() < deadline:
        time.sleep(0.05)
    begun = time.monotonic()
    stop.set()
    thread.join(20)
    assert time.monotonic() - begun < 5
    assert outcome[0].ended == "stopped"
    assert bronze.held() == expected({"0": 500, "1": 500})


def test_an_endpoint_that_is_killed_and_comes_back_costs_no_event(endpoint, bronze):
    endpoint.fill({"0": 200, "1": 200})
    stop, seen, outcome = threading.Event(), [], []
    thread = threading.Thread(target=lambda: outcome.append(bronze.run(stop=stop, on_progress=seen.append)))
    thread.start()

    def until(received: int) -> None:
        deadline = time.monotonic() + 60
        while not (seen and seen[-1].received >= received) and time.monotonic() < deadline:
            time.sleep(0.05)

    until(400)
    endpoint.kill()
    time.sleep(1)
    endpoint.start()
    endpoint.fill({"0": 100, "1": 50}, first=200)
    until(550)
    stop.set()
    thread.join(30)
    assert outcome[0].ended == "stopped"
    assert outcome[0].gaps == ()
    assert bronze.held() == expected({"0": 300, "1": 250})


def test_two_workers_at_once_hold_each_event_once(endpoint, bronze):
    endpoint.fill({"0": 2000, "1": 2000})
    outcome = []
    threads = [threading.Thread(target=lambda: outcome.append(bronze.run(until_head=True))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(summary.committed for summary in outcome) == 4000
    assert bronze.held() == expected({"0": 2000, "1": 2000})


def test_the_position_is_the_table_and_not_a_checkpoint(endpoint, make_bronze, tmp_path):
    """A second lake on the same hub and consumer group begins at the beginning."""
    endpoint.fill({"0": 40})
    first = make_bronze(flush_seconds=0.5)
    first.run(until_head=True)
    other = make_bronze(flush_seconds=0.5)
    other.settings = first.settings.model_copy(update={"root": str(tmp_path / "other")})
    assert other.run(until_head=True).committed == 40
    assert other.held() == first.held()


def test_a_wrong_key_is_an_error_that_says_what_to_do(endpoint, make_bronze):
    bronze = make_bronze()
    wrong = endpoint.connection_string.replace("SharedAccessKey=", "SharedAccessKey=wrong")
    bronze.settings = bronze.settings.model_copy(update={"event_hubs": EventHubs(connection_string=wrong)})
    with pytest.raises(RefusedError, match="Azure Event Hubs Data Receiver"):
        bronze.run(until_head=True)


def test_a_hub_that_is_not_there_is_an_error_that_names_it(endpoint):
    source = AmqpSource(EventHubs(connection_string=endpoint.connection_string, hub="telemetri"))
    with pytest.raises(RefusedError, match="no hub 'telemetri'"):
        source.heads()


@pytest.mark.slow
def test_a_consumer_group_that_is_not_there_is_an_error_that_names_it(endpoint, make_bronze):
    bronze = make_bronze()
    hub = EventHubs(connection_string=endpoint.connection_string, consumer_group="nobody")
    bronze.settings = bronze.settings.model_copy(update={"event_hubs": hub})
    with pytest.raises(RefusedError, match="consumer group 'nobody'"):
        bronze.run()


def test_the_transport_is_recorded(endpoint, bronze):
    endpoint.fill({"0": 5})
    bronze.run(until_head=True)
    (commit,) = bronze.lake.open(BRONZE_TELEMETRY).history(1)
    assert commit["transport"] == "amqp"


def test_events_that_trickle_without_a_pause_are_not_kept_waiting_for_others(endpoint, make_bronze):
    """Twenty a second: the thousands of frames that the SDK's read waits for would take minutes."""
    bronze = make_bronze(flush_seconds=0.2)
    stop, seen = threading.Event(), []
    sending = threading.Event()

    def trickle() -> None:
        with EventHubProducerClient.from_connection_string(
            endpoint.connection_string, eventhub_name="telemetry"
        ) as hub:
            while not sending.wait(0.05):
                hub.send_event(EventData(b"x"), partition_id="0")

    threads = [
        threading.Thread(target=trickle),
        threading.Thread(target=lambda: bronze.run(stop=stop, on_progress=seen.append)),
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while not (seen and seen[-1].committed >= 60) and time.monotonic() < deadline:
        time.sleep(0.05)
    committed = seen[-1].committed
    sending.set()
    stop.set()
    for thread in threads:
        thread.join(30)
    assert committed >= 60, "while it still trickled, and past the few frames of a first read"
