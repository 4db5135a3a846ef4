from __future__ import annotations

import struct
import uuid
from decimal import Decimal

import pytest
from azure.eventhub._pyamqp import receiver
from azure.eventhub._pyamqp._decode import decode_payload
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_workers import amqp_message
from ingest_workers.amqp_message import Undecoded, decode
from ingest_workers.amqp_types import Timestamp, read

ANNOTATIONS = b"\x00\x53\x72\xc1\x19\x02\xa3\x15x-opt-sequence-number\x55\x07"
BODY = b"\x00\x53\x75\xa0\x04body"


def properties(value: bytes) -> bytes:
    """An application-properties section with one property `p` of this encoding."""
    content = b"\xa1\x01p" + value
    return b"\x00\x53\x74\xd1" + struct.pack(">II", len(content) + 4, 2) + content


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (b"\x40", None),
        (b"\x41", True),
        (b"\x42", False),
        (b"\x56\x01", True),
        (b"\x43", 0),
        (b"\x44", 0),
        (b"\x50\xff", 255),
        (b"\x51\xff", -1),
        (b"\x52\xff", 255),
        (b"\x53\xff", 255),
        (b"\x54\xff", -1),
        (b"\x55\xff", -1),
        (b"\x60\xff\xff", 65535),
        (b"\x61\xff\xff", -1),
        (b"\x70\xff\xff\xff\xff", 2**32 - 1),
        (b"\x71\xff\xff\xff\xff", -1),
        (b"\x80" + b"\xff" * 8, 2**64 - 1),
        (b"\x81" + b"\xff" * 8, -1),
        (b"\x72" + struct.pack(">f", 1.5), 1.5),
        (b"\x82" + struct.pack(">d", 21.53), 21.53),
        (b"\x73\x00\x01\xf3\x21", "🌡"),
        (b"\x73\x00\x00\xd8\x00", {"$char": 0xD800}),
        (b"\x83" + struct.pack(">q", 1795230000000), Timestamp(1795230000000)),
        (b"\x98" + uuid.UUID(int=7).bytes, uuid.UUID(int=7)),
        (b"\xa0\x02\x00\xff", b"\x00\xff"),
        (b"\xb0\x00\x00\x00\x02hi", b"hi"),
        (b"\xa1\x03\xc3\xa9!", "é!"),
        (b"\xb1\x00\x00\x00\x02hi", "hi"),
        (b"\xa3\x02hi", "hi"),
        (b"\xb3\x00\x00\x00\x02hi", "hi"),
        (b"\xa1\x01\xff", b"\xff"),
        (b"\x45", []),
        (b"\xc0\x04\x02\x54\x01\x40", [1, None]),
        (b"\xd0\x00\x00\x00\x06\x00\x00\x00\x01\x54\x01", [1]),
        (b"\xc1\x06\x02\xa1\x01k\x54\x01", {"k": 1}),
        (b"\xe0\x06\x02\xa1\x01a\x01b", ["a", "b"]),
        (b"\xe0\x02\x00\xa1", []),
        (b"\xf0\x00\x00\x00\x07\x00\x00\x00\x02\x51\x01\x02", [1, 2]),
        (b"\x00\xa3\x01d\x54\x05", {"$descriptor": "d", "$value": 5}),
        (b"\x74" + ((101 - 2) << 23 | 2153).to_bytes(4, "big"), Decimal("21.53")),
        (b"\x84" + (1 << 63 | (398 - 2) << 53 | 2153).to_bytes(8, "big"), Decimal("-21.53")),
        (b"\x94" + ((6176 - 2) << 113 | 2153).to_bytes(16, "big"), Decimal("21.53")),
        (b"\x84\x78" + b"\x00" * 7, Decimal("Infinity")),
    ],
    ids=lambda item: item[:1].hex() if isinstance(item, bytes) else "",
)
def test_every_amqp_type_is_read(encoded, value):
    found, after = read(encoded, 0)
    assert (found, type(found)) == (value, type(value))
    assert after == len(encoded)


def test_a_property_of_any_type_does_not_move_the_body():
    message = decode(memoryview(ANNOTATIONS + properties(b"\x73\x00\x00\x00\x41") + BODY))
    assert message.application_properties == {"p": "A"}
    assert message.data == [b"body"]


@pytest.mark.parametrize(
    "descriptor",
    [b"\x00\x53\x75", b"\x00\x80" + b"\x00" * 7 + b"\x75", b"\x00\xa3\x10amqp:data:binary"],
    ids=["small", "long", "symbolic"],
)
def test_a_section_is_known_however_its_descriptor_is_written(descriptor):
    assert decode(memoryview(ANNOTATIONS + descriptor + b"\xa0\x01x")).data == [b"x"]


@pytest.mark.parametrize(
    "rest",
    [
        properties(b"\x9f\x00") + BODY,
        properties(b"\xe0\xff\xff\x41") + BODY,
        properties(b"\xf0\x00\x00\x00\x06\xff\xff\xff\xff\x40") + BODY,
        BODY[:-1],
        b"\x00\x53\x79\x40",
        b"\x00\x53\x75\xa1\x01x",
        b"\x00\x53\x74\x54\x01",
        b"junk",
        b"\x00\x53\x77" + b"\xc0\xff\x01" * 5000,
    ],
    ids=[
        "unknown type",
        "short array",
        "endless array",
        "cut body",
        "unknown section",
        "text as data",
        "number as map",
        "junk",
        "deep nesting",
    ],
)
def test_what_cannot_be_read_keeps_its_bytes_and_its_name(rest):
    encoded = ANNOTATIONS + rest
    message = decode(memoryview(encoded))
    assert message.message_annotations == {"x-opt-sequence-number": 7}
    assert isinstance(message.value, Undecoded)
    assert message.value.encoded == encoded
    assert message.value.why


@given(rest=st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_no_bytes_raise(rest):
    message = decode(memoryview(ANNOTATIONS + rest))
    assert message.message_annotations == {"x-opt-sequence-number": 7} or isinstance(message.value, Undecoded)


def test_a_section_seen_before_is_read_the_same_again():
    encoded = memoryview(ANNOTATIONS + properties(b"\xa1\x05again") + BODY)
    assert decode(encoded) == decode(encoded)
    assert decode(encoded).application_properties == {"p": "again"}


def test_answers_of_the_broker_are_left_to_the_sdk():
    answer = memoryview(properties(b"\x54\x05") + b"\x00\x53\x77\xa1\x02ok")
    assert decode(answer) == decode_payload(answer)


def test_the_sdk_has_its_own_decoder_back_after_the_last_user():
    with amqp_message.in_the_sdk() as outer:
        with amqp_message.in_the_sdk():
            assert receiver.decode_payload is decode
        assert receiver.decode_payload is decode
    assert outer
    assert receiver.decode_payload is decode_payload
