from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Message

from ingest_workers.kafka_envelope import columns

TAKEN = 1_790_000_000_000_000


def message(
    offset: int = 0, *, at: tuple[int, int] = (TIMESTAMP_LOG_APPEND_TIME, 1_789_999_999_123), **fields
) -> Message:
    content = {"key": b"dev-1", "value": b"{}", "headers": None} | fields
    return Message(topic="t", partition=3, offset=offset, timestamp=at, **content)


def read(*messages: Message) -> SimpleNamespace:
    """The columns as lists; times as microseconds since 1970."""
    events = columns("3", list(messages), TAKEN)
    shown = {
        name: column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for name, column in zip(events.content.column_names, events.content.columns, strict=True)
    }
    return SimpleNamespace(
        partition_id=events.partition_id,
        sequence_number=list(events.sequence_number),
        size=events.size,
        **{name: column.to_pylist() for name, column in shown.items()},
    )


def test_a_record_becomes_a_row():
    events = read(
        message(7, headers=[("content-type", b"application/json"), ("schema", b"s.v1"), ("site", "é".encode())])
    )
    assert (events.partition_id, events.sequence_number, events.offset) == ("3", [7], ["7"])
    assert (events.enqueued_at, events.ingested_at) == ([1_789_999_999_123_000], [TAKEN])
    assert (events.device_id, events.content_type, events.content_encoding) == (["dev-1"], ["application/json"], [None])
    assert (events.schema_ref, events.properties) == (["s.v1"], [[("schema", "s.v1"), ("site", "é")]])
    assert events.body == [b"{}"]
    assert events.size > len(b"{}")


HEADERS = {
    "text": ([("a", b"text")], [("a", "text")]),
    "bytes": ([("a", b"\x00\xff")], [("a", '{"$base64":"AP8="}')]),
    "empty": ([("a", b"")], [("a", "")]),
    "null": ([("a", None)], [("a", "null")]),
    "the same name twice": ([("a", b"1"), ("a", b"2"), ("a", b"3")], [("a", "1"), ("a#2", "2"), ("a#3", "3")]),
    "a forged name of ours": ([("sys.message_id", b"x")], [("app.sys.message_id", "x")]),
    "what Event Hubs says": (
        [("message-id", b"m"), ("user-id", b"u"), ("to", b"t"), ("reply-to", b"r"), ("creation-time", b"c")],
        [
            ("sys.message_id", "m"),
            ("sys.user_id", "u"),
            ("sys.to", "t"),
            ("sys.reply_to", "r"),
            ("sys.creation_time", "c"),
        ],
    ),
    "AMQP: text and integer": ([("site", b"\xa1\x02B2"), ("n", b"\x54\x05")], [("site", "B2"), ("n", "5")]),
    "AMQP: true beside text": ([("site", b"\xa1\x02B2"), ("ok", b"\x41")], [("site", "B2"), ("ok", "true")]),
    "AMQP: an integer alone": ([("n", b"\x54\x05")], [("n", "5")]),
    "AMQP beside what is text in any case": (
        [("message-id", b"m"), ("n", b"\x71\x00\x00\x04\xd2")],
        [("sys.message_id", "m"), ("n", "1234")],
    ),
    "bytes that only look like AMQP": ([("a", b"\xa1\x09short")], [("a", '{"$base64":"oQlzaG9ydA=="}')]),
    "one that is no AMQP makes all plain": (
        [("a", b"\xa1\x02B2"), ("b", b"plain text")],
        [("a", '{"$base64":"oQJCMg=="}'), ("b", "plain text")],
    ),
}


@pytest.mark.parametrize(("sent", "shown"), HEADERS.values(), ids=HEADERS)
def test_headers_of_every_kind(sent, shown):
    assert read(message(headers=sent)).properties == [shown]


def test_neighbours_with_other_headers_keep_their_own():
    sent = [[("a", b"1")], [("a", b"1")], None, [("a", b"2")], [("a", b"1"), ("content-type", b"text/csv")]]
    events = read(*[message(n, headers=headers) for n, headers in enumerate(sent)])
    assert events.properties == [[("a", "1")], [("a", "1")], [], [("a", "2")], [("a", "1")]]
    assert events.content_type == [None] * 4 + ["text/csv"]


DEVICES = {
    "the key": ({}, "dev-1"),
    "a key that is no text": ({"key": b"\xff"}, '{"$base64":"/w=="}'),
    "an empty key": ({"key": b""}, ""),
    "nobody": ({"key": None}, None),
    "the partition key of an AMQP sender": ({"key": None, "headers": [("x-opt-partition-key", b"dev-9")]}, "dev-9"),
    "the device IoT Hub let in": ({"key": None, "headers": [("iothub-connection-device-id", b"dev-8")]}, "dev-8"),
    "a key wins over a header, which anybody can send": (
        {"headers": [("iothub-connection-device-id", b"dev-8")]},
        "dev-1",
    ),
}


@pytest.mark.parametrize(("fields", "device"), DEVICES.values(), ids=DEVICES)
def test_whose_event_it_is(fields, device):
    assert read(message(**fields)).device_id == [device]
    assert read(message(), message(1, **fields)).device_id == ["dev-1", device]


def test_a_tombstone_is_a_row_with_a_mark():
    events = read(message(value=None), message(1))
    assert events.body == [b"", b"{}"]
    assert events.properties == [[("sys.body", "null")], []]


def test_a_producers_time_is_kept_and_not_believed():
    events = read(
        message(0, at=(TIMESTAMP_CREATE_TIME, 1_500), headers=[("a", b"1")]),
        message(1, at=(TIMESTAMP_CREATE_TIME, -5), headers=[("a", b"1")]),
        message(2, headers=[("a", b"1")]),
    )
    assert events.enqueued_at == [TAKEN, TAKEN, 1_789_999_999_123_000]
    assert events.properties == [
        [("a", "1"), ("sys.create_time", "1970-01-01T00:00:01.500Z")],
        [("a", "1"), ("sys.create_time", "not a time: -5")],
        [("a", "1")],
    ]
