"""The short way through a message must give what the long way gives, whatever was read before."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_workers import amqp_message
from ingest_workers.amqp_message import decode


def annotations(number: int, key: bytes | None = None, *, small: bool = False) -> bytes:
    told = b"\x55" + struct.pack(">b", number) if small else b"\x81" + struct.pack(">q", number)
    offset = str(number * 300).encode()
    content = b"\xa3\x15x-opt-sequence-number" + told + b"\xa3\x0cx-opt-offset\xa1" + bytes([len(offset)]) + offset
    content += b"\xa3\x13x-opt-enqueued-time\x83" + struct.pack(">q", 1_795_230_000_000 + number)
    if key is not None:
        content += b"\xa3\x13x-opt-partition-key\xa1" + bytes([len(key)]) + key
    return b"\x00\x53\x72\xd1" + struct.pack(">II", len(content) + 4, 6 if key is None else 8) + content


def application(name: bytes, value: bytes) -> bytes:
    content = b"\xa1" + bytes([len(name)]) + name + b"\xa0" + bytes([len(value)]) + value
    return b"\x00\x53\x74\xc1" + bytes([len(content) + 1, 2]) + content


def body(data: bytes) -> bytes:
    return b"\x00\x53\x75\xb0" + struct.pack(">I", len(data)) + data


PROPERTIES = b"\x00\x53\x73\xc0\x0a\x07\x40\x40\x40\x40\x40\x40\xa3\x01j"
TRAP = application(b"p", b"\x00\x53\x75\xb0\x00\x00\x00\x09")

SHAPES = {
    "a body alone": annotations(1) + body(b"a"),
    "a small number": annotations(5, small=True) + body(b"a"),
    "a short body": annotations(1) + b"\x00\x53\x75\xa0\x01a",
    "a partition key": annotations(2, b"dev-1") + PROPERTIES + body(b"b"),
    "a partition key that is no text": annotations(2, b"\xff") + body(b"b"),
    "properties": annotations(3) + PROPERTIES + application(b"p", b"1") + body(b"c"),
    "other properties": annotations(4) + PROPERTIES + application(b"p", b"2") + body(b"d"),
    "a property that looks like a body": annotations(5) + TRAP + body(b"e"),
    "a body that looks like a body": annotations(6) + body(body(b"f")),
    "two bodies": annotations(7) + body(b"g") + body(b"h"),
    "a footer": annotations(8) + body(b"i") + b"\x00\x53\x78\xc1\x01\x00",
    "no body": annotations(9) + PROPERTIES,
    "a value": annotations(9) + b"\x00\x53\x77\xa1\x01v",
    "cut in its body": annotations(10) + body(b"long enough")[:-3],
    "cut before its body": annotations(10) + b"\x00\x53\x75",
}


ANNOTATED = {name: 8 + int.from_bytes(shape[4:8], "big") for name, shape in SHAPES.items()}
"""Where the annotations of each end."""


def the_long_way(payload: bytes):
    amqp_message._BETWEEN.clear()
    return decode(memoryview(payload))


@pytest.mark.parametrize("payload", SHAPES.values(), ids=SHAPES)
def test_after_all_others_a_message_reads_as_if_it_were_the_first(payload):
    first = the_long_way(payload)
    for other in [*SHAPES.values(), *SHAPES.values()]:
        decode(memoryview(other))
    again = decode(memoryview(payload))
    assert again == first
    assert type((again.message_annotations or {}).get("x-opt-enqueued-time")) is type(
        (first.message_annotations or {}).get("x-opt-enqueued-time")
    )


@given(st.lists(st.tuples(st.sampled_from(sorted(SHAPES)), st.integers(0, 200), st.integers(0, 255)), max_size=12))
def test_no_broken_message_changes_how_another_is_read(steps):
    wanted = {name: the_long_way(payload) for name, payload in SHAPES.items()}
    amqp_message._BETWEEN.clear()
    for name, place, byte in steps:
        broken = bytearray(SHAPES[name])
        begin = ANNOTATED[name]
        broken[begin + place % (len(broken) - begin)] = byte  # the annotations are the broker's, and never broken
        decode(memoryview(bytes(broken)))
        assert decode(memoryview(SHAPES[name])) == wanted[name]


def test_a_length_that_lies_is_not_believed():
    lying = SHAPES["a body alone"].replace(b"\xa1\x03300", b"\xa1\x02300")
    assert amqp_message._annotations(lying) is None


def test_the_short_way_is_taken():
    amqp_message._BETWEEN.clear()
    decode(memoryview(SHAPES["properties"]))
    assert len(amqp_message._BETWEEN) == 1
