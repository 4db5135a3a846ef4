"""Events on their way into the log: cut from batches, annotated, otherwise untouched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._pyamqp.message import Message, Properties

from local_azure.event_hubs import codec, message
from local_azure.event_hubs.errors import AmqpError
from local_azure.event_hubs.message import BATCH_FORMAT, incoming

NOON = int(datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp() * 1000)


def encoded(**sections: Any) -> bytes:
    output = bytearray()
    encode_payload(output, Message(**sections))
    return bytes(output)


def stored(payload: bytes, message_format: int = 0) -> list[Message]:
    events = incoming(payload, message_format).events
    return [decode_payload(memoryview(event.encode(7 + i, 1234, NOON))) for i, event in enumerate(events)]


def batch_of(*events: EventData, partition_key: str | None = None) -> bytes:
    batch = EventDataBatch(1 << 20, partition_key=partition_key)
    for event in events:
        batch.add(event)
    output = bytearray()
    encode_payload(output, batch._message)
    return bytes(output)


def test_a_single_event_gets_its_place_and_time() -> None:
    [event] = stored(encoded(data=[b"hello"]))

    assert event.data == [b"hello"]
    assert event.message_annotations == {
        b"x-opt-sequence-number": 7,
        b"x-opt-offset": b"1234",
        b"x-opt-enqueued-time": NOON,
    }


def test_a_batch_is_taken_apart_in_order() -> None:
    events = stored(batch_of(*(EventData(f"event {i}") for i in range(5))), BATCH_FORMAT)

    assert [event.data for event in events] == [[f"event {i}".encode()] for i in range(5)]
    assert [event.message_annotations[b"x-opt-sequence-number"] for event in events] == [7, 8, 9, 10, 11]


def test_everything_a_client_can_say_is_kept() -> None:
    properties = Properties(
        message_id="m",
        user_id=b"u",
        to="t",
        subject="s",
        reply_to="r",
        correlation_id=42,
        content_type=b"application/json",
        content_encoding=b"gzip",
        absolute_expiry_time=NOON,
        creation_time=NOON,
        group_id="g",
        group_sequence=3,
        reply_to_group_id="rg",
    )
    sent = encoded(
        header=None,
        properties=properties,
        application_properties={"int": 1, "text": "x", "float": 1.5, "yes": True, "none": None, "raw": b"\x00\xff"},
        data=[b"one", b"two"],
        footer={"checksum": 1},
    )

    [event] = stored(sent)

    before = decode_payload(memoryview(sent))
    assert event.properties == before.properties
    assert event.application_properties == before.application_properties
    assert event.data == [b"one", b"two"]
    assert event.footer == before.footer


@pytest.mark.parametrize(
    ("sections", "kind"),
    [({"value": {"a": [1, None]}}, "value"), ({"sequence": [[1, "two"], [3]]}, "sequence"), ({"data": [b""]}, "data")],
)
def test_each_kind_of_body_passes_unchanged(sections: dict[str, Any], kind: str) -> None:
    [event] = stored(encoded(**sections))

    assert getattr(event, kind) == getattr(decode_payload(memoryview(encoded(**sections))), kind)


def test_the_partition_key_of_a_batch_is_on_each_of_its_events() -> None:
    payload = batch_of(EventData("a"), EventData("b"), partition_key="device-1")

    assert incoming(payload, BATCH_FORMAT).partition_key == "device-1"
    keys = [event.message_annotations[b"x-opt-partition-key"] for event in stored(payload, BATCH_FORMAT)]
    assert keys == [b"device-1", b"device-1"]


def test_a_key_on_the_batch_alone_reaches_the_events() -> None:
    inner = encoded(data=[b"a"])
    outer = encoded(message_annotations={"x-opt-partition-key": "k"}, data=[inner])

    [event] = stored(outer, BATCH_FORMAT)

    assert event.message_annotations[b"x-opt-partition-key"] == b"k"


@pytest.mark.parametrize("message_format", [0, BATCH_FORMAT])
def test_a_partition_key_has_at_most_128_characters(message_format: int) -> None:
    def keyed(length: int) -> bytes:
        annotations = {"x-opt-partition-key": "k" * length}
        return encoded(message_annotations=annotations, data=[encoded(data=[b"a"])])

    assert incoming(keyed(128), message_format).partition_key == "k" * 128
    with pytest.raises(AmqpError, match="129 characters"):
        incoming(keyed(129), message_format)


def test_annotations_of_the_sender_are_kept_and_ours_win() -> None:
    forwarded = encoded(
        message_annotations={"x-opt-sequence-number": 99, "x-opt-offset": "1", "x-opt-mine": "kept"}, data=[b"a"]
    )

    [event] = stored(forwarded)

    assert event.message_annotations[b"x-opt-mine"] == b"kept"
    assert event.message_annotations[b"x-opt-sequence-number"] == 7
    assert event.message_annotations[b"x-opt-offset"] == b"1234"
    assert len(event.message_annotations) == 4


def test_a_header_stays_in_front_of_the_annotations() -> None:
    payload = batch_of(EventData("a"), partition_key="k")
    [event] = incoming(payload, BATCH_FORMAT).events

    data = event.encode(0, 8, NOON)

    assert data[:3] == b"\x00\x53\x70"
    assert data[codec.skip(data, 0) :][:3] == b"\x00\x53\x72"


def test_delivery_annotations_go_between_header_and_the_rest() -> None:
    payload = batch_of(EventData("a"), partition_key="k")
    data = incoming(payload, BATCH_FORMAT).events[0].encode(0, 8, NOON)
    section = codec.described(0x71, codec.mapping([(codec.symbol("x"), codec.long(1))]))

    annotated = message.with_delivery_annotations(data, section)

    assert annotated.index(section) == codec.skip(data, 0)
    assert decode_payload(memoryview(annotated)).delivery_annotations == {b"x": 1}


def test_delivery_annotations_of_a_sender_end_with_the_hop() -> None:
    [event] = stored(encoded(delivery_annotations={"x": 1}, data=[b"a"]))

    assert event.delivery_annotations is None


def test_wide_descriptors_are_written_in_the_form_the_sdk_reads() -> None:
    wide = b"\x00\x80" + (0x75).to_bytes(8, "big") + codec.binary(b"hello")

    [event] = stored(wide)

    assert event.data == [b"hello"]


@pytest.mark.parametrize(
    ("payload", "message_format"),
    [
        (b"not amqp", 0),
        (b"\x00\x53\x75\xa0\xff", 0),
        (b"\x00\x53\x10\x45", 0),
        (encoded(value="x"), BATCH_FORMAT),
        (encoded(data=[b"not amqp"]), BATCH_FORMAT),
        (b"\x00\x53\x75\xa1\x01x", BATCH_FORMAT),
    ],
)
def test_what_is_no_message_is_refused(payload: bytes, message_format: int) -> None:
    with pytest.raises(codec.MALFORMED):
        incoming(payload, message_format)


@pytest.mark.parametrize(
    ("sections", "kind", "body"),
    [
        ({"data": [b"one", b"two"]}, "data", b"onetwo"),
        ({"value": {"a": 1}}, "value", {"a": 1}),
        ({"sequence": [[1, 2], [3]]}, "sequence", [[1, 2], [3]]),
    ],
)
def test_a_ledger_can_read_bodies_and_properties(sections: dict[str, Any], kind: str, body: Any) -> None:
    read = message.decode(encoded(application_properties={"a": 1}, **sections))

    assert (read.body_type, read.body, read.application_properties) == (kind, body, {"a": 1})
