"""Fields at fixed places: types, orders of bytes, bits, scales, conditions and arrays."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pyarrow as pa
import pytest

from canonical.decoders.layout import LayoutDocuments


def one(**field):
    return {"kind": "fixed", "fields": [{"name": "x", **field}]}


@pytest.mark.parametrize(
    ("field", "payload", "value"),
    [
        ({"type": "uint8"}, "ff", 255),
        ({"type": "int8"}, "ff", -1),
        ({"type": "uint16"}, "0102", 0x0102),
        ({"type": "uint16", "byte_order": "little"}, "0102", 0x0201),
        ({"type": "int24"}, "800000", -(2**23)),
        ({"type": "uint24", "byte_order": "little"}, "010203", 0x030201),
        ({"type": "int32"}, "fffffffe", -2),
        ({"type": "uint40"}, "0100000000", 2**32),
        ({"type": "int64"}, "8000000000000000", -(2**63)),
        ({"type": "uint64"}, "ffffffffffffffff", 2**64 - 1),
        ({"type": "float32"}, "41ac0000", 21.5),
        ({"type": "float16"}, "4d60", 21.5),
        ({"type": "float64"}, "c035800000000000", -21.5),
        ({"type": "float64"}, "7ff0000000000000", math.inf),
        ({"type": "bool"}, "02", True),
        ({"type": "bool"}, "00", False),
        ({"type": "bcd(3)"}, "012345", 12345),
        ({"type": "bcd(2)", "byte_order": "little", "scale": 0.01}, "4523", 23.45),
        ({"type": "bcd(1)"}, "1f", "1f"),
        ({"type": "hex(3)"}, "00abcd", "00abcd"),
        ({"type": "hex(rest)"}, "", ""),
        ({"type": "text(8)"}, "414200ff00000000", "AB"),
        ({"type": "text(rest)"}, "22e282ac0a5c", '"€\n\\'),
        ({"type": "text(2)"}, "ff41", "�A"),
        ({"type": "uint8", "bits": [6, 4]}, "5f", 5),
        ({"type": "uint8", "bits": 7}, "80", 1),
        ({"type": "int16", "bits": [15, 2], "scale": 0.25}, "fff0", -1.0),
        ({"type": "uint8", "mask": 0x0F}, "a7", 7),
        ({"type": "int16", "scale": 0.1}, "00eb", 23.5),
        ({"type": "int16", "scale": 0.1}, "ff9c", -10.0),
        ({"type": "uint8", "scale": 0.5, "offset": -40}, "7b", 21.5),
        ({"type": "uint16", "scale": 10}, "0003", 30),
        ({"type": "uint64", "scale": 1e-09}, "ffffffffffffffff", 18446744073.709551615),
        ({"type": "uint8", "names": {0: "off", 1: 'on "x"'}}, "01", 'on "x"'),
        ({"type": "uint8", "names": {0: "off", 1: "on"}}, "07", 7),
        ({"type": "int8", "names": {-1: "none"}}, "ff", "none"),
    ],
)
def test_a_field_is_read_as_its_type_says(decode, field, payload, value):
    assert decode(one(**field), [payload]) == [{"x": value}]


def test_what_is_not_a_number_keeps_its_name(layout):
    nan = LayoutDocuments(layout(one(type="float32"))).documents(pa.array([bytes.fromhex("7fc00000")]))[0]

    assert nan.to_pylist() == ['{"x":NaN}']


@pytest.mark.parametrize("scale", [0.1, 0.01, 0.001, 1e-7, 0.5, 0.25, 0.3])
def test_scaled_numbers_are_the_nearest_doubles(layout, scale):
    raw = [*range(-32768, 32768, 7), 32767]
    body = pa.array([number.to_bytes(2, "big", signed=True) for number in raw])
    texts, _ = LayoutDocuments(layout(one(type="int16", scale=scale))).documents(body)

    exact = Fraction(str(scale))
    assert [json.loads(text)["x"] for text in texts.to_pylist()] == [float(number * exact) for number in raw]


def test_fields_follow_each_other_or_lie_where_they_say(decode):
    fields = [
        {"name": "status", "type": "uint8"},
        {"name": "open", "at": "same", "type": "uint8", "bits": 7},
        {"skip": 1},
        {"name": "temperature", "type": "int16", "scale": 0.1},
        {"name": "first", "at": 0, "type": "uint8"},
        {"name": "sum", "at": -1, "type": "uint8"},
    ]

    (found,) = decode({"kind": "fixed", "fields": fields}, ["80ff00d7aabb07"])

    assert found == {"status": 128, "open": 1, "temperature": 21.5, "first": 128, "sum": 7}


def test_blocks_are_there_when_their_bit_is_set(decode):
    fields = [
        {"name": "flags", "type": "uint8"},
        {"name": "t", "type": "int16", "scale": 0.01, "when": {"field": "flags", "bit": 0}},
        {"name": "h", "type": "uint8", "when": {"field": "flags", "bit": 1}},
        {"name": "kind", "type": "uint8"},
        {"name": "v", "type": "uint8", "when": {"field": "kind", "is": [1, 2]}},
    ]
    layout = {"kind": "fixed", "fields": fields}

    assert decode(layout, ["0307d0320105", "022a00", "0007", "0107d0"]) == [
        {"flags": 3, "t": 20.0, "h": 50, "kind": 1, "v": 5},
        {"flags": 2, "h": 42, "kind": 0},
        {"flags": 0, "kind": 7},
        "bad_payload",
    ]


def test_arrays_repeat_a_number_of_times_or_to_the_end(decode):
    fields = [
        {"name": "n", "type": "uint8"},
        {"name": "xs", "type": "int16", "scale": 0.5, "repeat": "n"},
        {
            "name": "spots",
            "repeat": "rest",
            "fields": [{"name": "id", "type": "hex(1)"}, {"name": "r", "type": "int8"}],
        },
    ]
    layout = {"kind": "fixed", "fields": fields}

    assert decode(layout, ["0200030004aac4", "00", "0200"]) == [
        {"n": 2, "xs": [1.5, 2.0], "spots": [{"id": "aa", "r": -60}]},
        {"n": 0, "xs": [], "spots": []},
        "bad_payload",
    ]


def test_a_sentinel_and_an_optional_field_are_left_out(decode):
    fields = [
        {"name": "t", "type": "int16", "absent": [0x7FFF]},
        {"name": "later", "type": "uint8", "optional": True},
    ]
    layout = {"kind": "fixed", "fields": fields}

    assert decode(layout, ["7fff", "0001", "000102"]) == [{}, {"t": 1}, {"t": 1, "later": 2}]


@pytest.mark.parametrize(
    ("given", "payloads", "found"),
    [
        ({"length": 2}, ["01", "0102", "010203"], ["bad_payload", {"x": 1}, "bad_payload"]),
        ({"min_length": 2}, ["01", "0102", "010203"], ["bad_payload", {"x": 1}, {"x": 1}]),
        ({}, ["", None, "01"], ["bad_payload", None, {"x": 1}]),
    ],
)
def test_a_payload_of_another_length_is_bad_and_null_is_nothing(decode, given, payloads, found):
    assert decode(one(type="uint8") | given, payloads) == found
