"""Bytes against the SDK's own reader and writer: an encoding is right when the other side understands it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.eventhub._pyamqp._decode import _DECODE_BY_CONSTRUCTOR
from azure.eventhub._pyamqp._encode import encode_value
from hypothesis import given
from hypothesis import strategies as st

from local_azure.event_hubs import codec

WRITTEN = [
    (codec.NULL, None),
    (codec.boolean(True), True),
    (codec.boolean(False), False),
    (codec.ubyte(255), 255),
    (codec.uint(0), 0),
    (codec.uint(2**32 - 1), 2**32 - 1),
    (codec.integer(-(2**31)), -(2**31)),
    (codec.ulong(2**64 - 1), 2**64 - 1),
    (codec.long(-(2**63)), -(2**63)),
    (codec.timestamp(-62_135_596_800_000), -62_135_596_800_000),
    (codec.binary(b""), b""),
    (codec.binary(b"\x00" * 300), b"\x00" * 300),
    (codec.string("grüße"), "grüße".encode()),
    (codec.string("x" * 256), b"x" * 256),
    (codec.symbol("amqp:accepted:list"), b"amqp:accepted:list"),
    (codec.array_of_strings(["0", "1"]), [b"0", b"1"]),
    (codec.array_of_symbols(["ANONYMOUS"]), [b"ANONYMOUS"]),
    (codec.sequence([codec.uint(1), codec.NULL]), [1, None]),
    (codec.mapping([(codec.string("k"), codec.long(7))]), {b"k": 7}),
]

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
    | st.binary(max_size=300)
    | st.uuids(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("encoded", "expected"), WRITTEN)
def test_the_sdk_reads_what_is_written(encoded: bytes, expected: Any) -> None:
    rest, value = _DECODE_BY_CONSTRUCTOR[encoded[0]](memoryview(encoded)[1:])

    assert value == expected
    assert not len(rest)


@given(VALUES)
def test_what_the_sdk_writes_is_read_back(value: Any) -> None:
    encoded = bytearray()
    encode_value(encoded, value)

    decoded, end = codec.decode(bytes(encoded))

    assert decoded == value
    assert end == len(encoded) == codec.skip(bytes(encoded), 0)


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"\x43", 0),
        (b"\x52\x07", 7),
        (b"\x55\xff", -1),
        (b"\x51\xfe", -2),
        (b"\x61\xff\xff", -1),
        (b"\x60\xff\xff", 65535),
        (b"\x56\x01", True),
        (b"\x72\x3f\x80\x00\x00", 1.0),
        (b"\x73\x00\x00\x00\x41", "A"),
        (b"\x45", []),
        (b"\xc0\x03\x02\x41\x40", [True, None]),
        (b"\xe0\x04\x02\x50\x01\x02", [1, 2]),
        (b"\x98" + bytes(range(16)), uuid.UUID(bytes=bytes(range(16)))),
    ],
)
def test_the_short_forms_of_other_clients_are_read(encoded: bytes, expected: Any) -> None:
    assert codec.decode(encoded) == (expected, len(encoded))


def test_a_timestamp_stays_apart_from_other_numbers() -> None:
    milliseconds = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)

    value, _ = codec.decode(codec.timestamp(milliseconds))

    assert isinstance(value, codec.Timestamp)
    assert value == milliseconds


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\xa1\x05abc",
        b"\xb0\xff\xff\xff\xff",
        b"\x01",
        b"\xd0\x00\x00\x00\x04\xff\xff\xff\xff",
        b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40",
        b"\xc1\x02\x01\x40",
        b"\xa1\x01\xff",
        b"\x00" * 100_000,
    ],
)
def test_bytes_that_are_not_amqp_raise_one_of_the_known_errors(hostile: bytes) -> None:
    with pytest.raises(codec.MALFORMED):
        codec.decode(hostile)


@given(st.binary(max_size=64))
def test_no_bytes_make_the_reader_fail_in_another_way(noise: bytes) -> None:
    try:
        _, end = codec.decode(noise)
    except codec.MALFORMED:
        return
    assert 0 < end <= len(noise)
