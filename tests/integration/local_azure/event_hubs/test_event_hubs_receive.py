"""The SDK's consumer against the endpoint."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import AuthenticationError, ConnectError, ConnectionLostError, EventHubError

from local_azure.event_hubs.log import read_partition

Receive = Callable[..., Any]


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_properties_of_every_type_come_back(endpoint: Any, receive: Receive) -> None:
    properties = {
        "int": -5,
        "large": 2**40,
        "float": 21.5,
        "text": "grüße",
        "yes": True,
        "no": False,
        "none": None,
        "raw": b"\x00\xff",
        "id": uuid.UUID(int=7),
        "when": datetime(2024, 2, 29, 12, tzinfo=UTC),
    }
    # An integer that needs 64 bits has to be named as a long; the SDK writes bare ones in 32.
    properties["large"] = {"TYPE": "LONG", "VALUE": 2**40}
    event = EventData(b"\x00body\xff")
    event.properties = properties
    event.content_type, event.message_id, event.correlation_id = "application/x-protobuf", "message-1", "correlation-1"
    raw = event.raw_amqp_message.properties
    raw.content_encoding, raw.subject, raw.group_id, raw.group_sequence, raw.user_id = "gzip", "s", "g", 3, b"u"
    raw.to, raw.reply_to, raw.reply_to_group_id = "t", "r", "rg"
    with endpoint.producer() as producer:
        producer.send_batch([event], partition_key="device-1")

    [(_, got)] = receive(endpoint.consumer(), 1).events

    assert b"".join(got.body) == b"\x00body\xff"
    expected = {key.encode(): value for key, value in properties.items()}
    expected |= {
        b"large": 2**40,
        b"text": "grüße".encode(),
        b"when": int(datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp() * 1000),
    }
    assert got.properties == expected
    assert (got.content_type, got.message_id, got.correlation_id) == (
        "application/x-protobuf",
        "message-1",
        "correlation-1",
    )
    back = got.raw_amqp_message.properties
    assert (back.content_encoding, back.subject, back.group_id, back.group_sequence) == (b"gzip", b"s", b"g", 3)
    assert (back.user_id, back.to, back.reply_to, back.reply_to_group_id) == (b"u", b"t", b"r", b"rg")
    assert got.partition_key == b"device-1"


def test_place_and_time_are_those_of_the_log(endpoint: Any, receive: Receive) -> None:
    endpoint.put(b"a", b"b", b"c", partition="1")

    got = receive(endpoint.consumer(), 3, partition_id="1").events

    told = [(event.sequence_number, event.offset, event.enqueued_time) for _, event in got]
    kept = [
        (record.sequence_number, str(record.offset), record.enqueued_at)
        for record in read_partition(endpoint.data, "telemetry", "1")
    ]
    assert told == kept


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"value_body": {b"t": [1.5, None]}}, {b"t": [1.5, None]}),
        ({"sequence_body": [[1, b"two"], [3]]}, [[1, b"two"], [3]]),
    ],
)
def test_value_and_sequence_bodies_come_back(endpoint: Any, receive: Receive, body: Any, read: Any) -> None:
    with endpoint.producer() as producer:
        producer.send_event(AmqpAnnotatedMessage(**body))

    [(_, got)] = receive(endpoint.consumer(), 1).events

    assert (got.body if isinstance(read, dict) else list(got.body)) == read


@pytest.mark.parametrize(
    ("position", "inclusive", "first"),
    [
        (lambda seen: "-1", False, 0),
        (lambda seen: seen[1].offset, False, 2),
        (lambda seen: seen[1].offset, True, 1),
        (lambda seen: seen[2].sequence_number, False, 3),
        (lambda seen: seen[2].sequence_number, True, 2),
        (lambda seen: seen[1].enqueued_time, True, 1),
        (lambda seen: seen[1].enqueued_time, False, 2),
    ],
    ids=["beginning", "offset", "offset-in", "number", "number-in", "time-in", "time"],
)
def test_a_consumer_starts_where_it_says(
    endpoint: Any, receive: Receive, position: Callable[[Any], Any], inclusive: bool, first: int
) -> None:
    for number in range(4):
        endpoint.put(str(number).encode())
    seen = [event for _, event in receive(endpoint.consumer(), 4, partition_id="0").events]

    again = receive(
        endpoint.consumer(),
        4 - first,
        partition_id="0",
        starting_position=position(seen),
        starting_position_inclusive=inclusive,
    )

    assert again.bodies() == [str(number).encode() for number in range(first, 4)]


def test_from_the_latest_only_new_events_come(endpoint: Any, receive: Receive) -> None:
    endpoint.put(b"old")
    consumer = endpoint.consumer()
    got = receive(consumer, None, partition_id="0", starting_position="@latest")
    deadline = time.monotonic() + 60
    while not got.events and time.monotonic() < deadline:  # the link needs a moment to stand
        endpoint.put(b"new")
        time.sleep(0.5)  # the SDK hands nothing over while more keeps coming

    assert set(got.bodies()) == {b"new"}


def test_a_position_of_a_hub_that_was_made_anew_is_an_error(endpoint: Any, receive: Receive) -> None:
    got = receive(endpoint.consumer(), 1, errors=1, partition_id="0", starting_position=500)

    assert got.events == []
    assert isinstance(got.errors[0], EventHubError)
    assert "The supplied sequence number '500' is invalid" in str(got.errors[0])


def test_new_events_reach_a_waiting_consumer(endpoint: Any, receive: Receive) -> None:
    got = receive(endpoint.consumer(), None)
    for number in range(5):
        endpoint.put(str(number).encode(), partition=str(number % 2))

    wait_for(lambda: len(got.events) == 5)

    assert sorted(got.bodies()) == [str(number).encode() for number in range(5)]


def test_a_consumer_that_asked_is_told_how_far_the_partition_is(endpoint: Any, receive: Receive) -> None:
    endpoint.put(b"a", b"b", b"c")

    got = receive(endpoint.consumer(), 3, partition_id="0", track_last_enqueued_event_properties=True)

    last = list(read_partition(endpoint.data, "telemetry", "0"))[-1]
    told = got.contexts["0"].last_enqueued_event_properties
    assert (told["sequence_number"], told["offset"], told["enqueued_time"]) == (
        2,
        str(last.offset),
        last.enqueued_at,
    )
    assert told["retrieval_time"] >= told["enqueued_time"]


@pytest.mark.parametrize("prefetch", [1, 7, 300, 5000])
def test_credit_of_any_size_brings_every_event_once_and_in_order(
    endpoint: Any, receive: Receive, prefetch: int
) -> None:
    count = 60 if prefetch == 1 else 2000
    endpoint.put(*(str(number).encode() for number in range(count)))

    got = receive(endpoint.consumer(), count, partition_id="0", prefetch=prefetch)

    assert got.bodies() == [str(number).encode() for number in range(count)]


@pytest.mark.slow
def test_more_events_than_the_clients_window_come_in_order(endpoint: Any, receive: Receive) -> None:
    """The SDK's window is 65,536 frames: it has to be seen moving at least once."""
    count = 70_000
    for _ in range(count // 10_000):
        endpoint.put(*[b"x"] * 10_000)

    got = receive(endpoint.consumer(), count, partition_id="0", prefetch=66_000, max_batch_size=10_000, wait=90)

    assert [event.sequence_number for _, event in got.events] == list(range(count))


def test_a_large_event_comes_back_whole(endpoint: Any, receive: Receive) -> None:
    body = bytes(index % 251 for index in range((1 << 20) - 400))
    endpoint.put(body)
    endpoint.put(b"after")

    assert receive(endpoint.consumer(), 2, partition_id="0").bodies() == [body, b"after"]


def test_consumer_groups_read_apart(endpoint: Any, receive: Receive) -> None:
    endpoint.put(b"a")

    for group in ("$Default", "hot", "anything"):
        assert receive(endpoint.consumer(consumer_group=group), 1).bodies() == [b"a"]


def test_only_the_named_consumer_groups_exist_when_some_are_named(start: Any, receive: Receive) -> None:
    endpoint = start("--consumer-group", "hot")
    endpoint.put(b"a")

    assert receive(endpoint.consumer(consumer_group="hot"), 1).bodies() == [b"a"]
    refused = receive(endpoint.consumer(consumer_group="cold"), 1, errors=1, partition_id="0")
    assert "there is no consumer group 'cold'" in str(refused.errors[0])


def test_a_higher_owner_level_takes_the_partition(endpoint: Any, receive: Receive) -> None:
    endpoint.put(b"a")
    low = receive(endpoint.consumer(), None, partition_id="0", owner_level=1)
    wait_for(lambda: low.events)

    high = receive(endpoint.consumer(), None, partition_id="0", owner_level=2)

    wait_for(lambda: high.events and low.errors)
    assert isinstance(low.errors[0], ConnectionLostError | ConnectError)
    assert "link:stolen" in str(low.errors[0])
    assert high.errors == []


@pytest.mark.parametrize("owner_level", [None, 1])
def test_a_lower_owner_level_is_turned_away(endpoint: Any, receive: Receive, owner_level: int | None) -> None:
    endpoint.put(b"a")
    owner = receive(endpoint.consumer(), None, partition_id="0", owner_level=2)
    wait_for(lambda: owner.events)

    other = receive(endpoint.consumer(), 1, errors=1, partition_id="0", owner_level=owner_level)

    assert other.events == []
    assert "link:stolen" in str(other.errors[0])
    assert owner.errors == []


def test_a_wrong_key_reads_nothing(endpoint: Any, receive: Receive) -> None:
    endpoint.put(b"secret")
    endpoint.connection_string = endpoint.connection_string.replace("SAS_KEY_VALUE", "another")

    got = receive(endpoint.consumer(), 1, errors=1, partition_id="0")

    assert got.events == []
    assert isinstance(got.errors[0], AuthenticationError)


def test_enqueued_times_follow_the_clock_of_the_endpoint(start: Any, receive: Receive) -> None:
    endpoint = start("--clock-start", "2024-12-31T23:59:00+00:00", "--clock-speed", "3600")
    endpoint.put(b"before midnight")
    time.sleep(0.1)
    endpoint.put(b"after")

    first, second = (event.enqueued_time for _, event in receive(endpoint.consumer(), 2, partition_id="0").events)

    assert datetime(2024, 12, 31, 23, 59, tzinfo=UTC) <= first
    assert second - first >= timedelta(minutes=6)
