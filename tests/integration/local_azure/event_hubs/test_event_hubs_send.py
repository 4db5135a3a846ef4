"""The SDK's producer against the endpoint."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventDataSendError, EventHubError

from local_azure.event_hubs.log import read_partition
from local_azure.event_hubs.message import decode


def stored(endpoint: Any, partition_id: str) -> list[bytes]:
    return [decode(record.message).body for record in read_partition(endpoint.data, "telemetry", partition_id)]


def test_a_hub_describes_itself_and_its_partitions(endpoint: Any) -> None:
    with endpoint.producer() as producer:
        hub = producer.get_eventhub_properties()
        empty = producer.get_partition_properties("0")
        producer.send_batch([EventData("a"), EventData("b")], partition_id="0")
        filled = producer.get_partition_properties("0")

    assert (hub["eventhub_name"], hub["partition_ids"]) == ("telemetry", ["0", "1"])
    assert (empty["is_empty"], empty["last_enqueued_sequence_number"], empty["last_enqueued_offset"]) == (
        True,
        -1,
        "-1",
    )
    records = list(read_partition(endpoint.data, "telemetry", "0"))
    assert (filled["is_empty"], filled["last_enqueued_sequence_number"]) == (False, 1)
    assert filled["last_enqueued_offset"] == str(records[-1].offset)
    assert filled["last_enqueued_time_utc"] == records[-1].enqueued_at


def test_an_event_for_a_partition_goes_there(endpoint: Any) -> None:
    with endpoint.producer() as producer:
        producer.send_event(EventData("for one"), partition_id="1")

    assert (stored(endpoint, "0"), stored(endpoint, "1")) == ([], [b"for one"])


def test_the_events_of_a_key_stay_together_and_in_order(endpoint: Any) -> None:
    with endpoint.producer() as producer:
        for number in range(4):
            for key in ("a", "b", "c"):
                producer.send_batch([EventData(f"{key}{number}")], partition_key=key)

    homes = [stored(endpoint, partition) for partition in ("0", "1")]
    for key in ("a", "b", "c"):
        of_key = [[body for body in home if body.startswith(key.encode())] for home in homes]
        assert sorted(of_key) == [[], [f"{key}{number}".encode() for number in range(4)]]


def test_events_without_a_key_are_spread(endpoint: Any) -> None:
    with endpoint.producer() as producer:
        for number in range(6):
            producer.send_event(EventData(str(number)))

    assert Counter(len(stored(endpoint, partition)) for partition in ("0", "1")) == {3: 2}


def test_a_full_batch_arrives_whole(endpoint: Any) -> None:
    with endpoint.producer() as producer:
        batch = producer.create_batch(partition_id="0")
        count = 0
        with suppress(ValueError):  # the SDK's way to say that the batch is full
            while True:
                batch.add(EventData(f"{count:06}" + "x" * 300))
                count += 1
        producer.send_batch(batch)

    assert count > 2000
    assert [int(body[:6]) for body in stored(endpoint, "0")] == list(range(count))


def test_an_event_of_a_mebibyte_passes(endpoint: Any) -> None:
    body = bytes(index % 251 for index in range((1 << 20) - 400))

    with endpoint.producer() as producer:
        producer.send_event(EventData(body), partition_id="0")

    assert stored(endpoint, "0") == [body]


def test_more_events_than_a_link_has_credit_for_are_taken_from_one_producer(endpoint: Any) -> None:
    with endpoint.producer() as producer:
        for number in range(1200):
            producer.send_event(EventData(str(number)), partition_id="0")

    assert stored(endpoint, "0") == [str(number).encode() for number in range(1200)]


@pytest.mark.parametrize(
    ("body", "kind", "kept"),
    [
        ({"data_body": [b"one", b"two"]}, "data", b"onetwo"),
        ({"value_body": {"t": [1.5, None, True]}}, "value", {"t": [1.5, None, True]}),
        ({"sequence_body": [[1, "two"], [b"3"]]}, "sequence", [[1, "two"], [b"3"]]),
    ],
)
def test_every_kind_of_body_is_kept(endpoint: Any, body: dict[str, Any], kind: str, kept: Any) -> None:
    with endpoint.producer() as producer:
        producer.send_event(AmqpAnnotatedMessage(**body), partition_id="0")

    [record] = read_partition(endpoint.data, "telemetry", "0")
    message = decode(record.message)
    assert (message.body_type, message.body) == (kind, kept)


def test_a_wrong_key_is_refused(endpoint: Any) -> None:
    endpoint.connection_string = endpoint.connection_string.replace("SAS_KEY_VALUE", "another")

    with endpoint.producer() as producer, pytest.raises(AuthenticationError):
        producer.send_event(EventData("x"))

    assert stored(endpoint, "0") + stored(endpoint, "1") == []


def test_a_hub_that_is_not_there_is_an_error(endpoint: Any) -> None:
    with endpoint.producer(eventhub_name="nothing") as producer:
        with pytest.raises(ConnectError, match="404"):
            producer.get_eventhub_properties()
        with pytest.raises(EventHubError):
            producer.send_event(EventData("x"))


def test_a_partition_that_is_not_there_is_an_error(endpoint: Any) -> None:
    with endpoint.producer() as producer, pytest.raises((ConnectError, EventDataSendError, EventHubError)):
        producer.send_event(EventData("x"), partition_id="9")

    assert stored(endpoint, "0") + stored(endpoint, "1") == []
