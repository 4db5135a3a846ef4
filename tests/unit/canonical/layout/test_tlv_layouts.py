"""Items led by keys: channel and type as LoRaWAN vendors write them, with lists, variants and lengths."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from canonical.decoders.layout import LayoutDocuments
from canonical.layout_model import MAX_ELEMENTS

TEMPERATURE = {"name": "temperature", "type": "int16", "scale": 0.1}
CHANNELS = {
    "kind": "tlv",
    "byte_order": "little",
    "keys": ["channel", "type"],
    "items": [
        {"channel": 1, "type": 0x75, "fields": [{"name": "battery", "type": "uint8"}]},
        {"channel": [3, 4], "type": 0x67, "fields": [TEMPERATURE]},
        {
            "channel": 0x20,
            "type": 0xCE,
            "list": "history",
            "fields": [{"name": "time", "type": "uint32"}, TEMPERATURE],
        },
        {
            "channel": "any",
            "type": 0x02,
            "list": "inputs",
            "show": ["channel"],
            "fields": [{"name": "v", "type": "int8"}],
        },
        {
            "channel": 0xFF,
            "type": 0x10,
            "length": {"prefix": "uint8"},
            "fields": [{"name": "note", "type": "text(rest)"}],
        },
        {
            "channel": 0xFF,
            "type": 0x11,
            "length": {"at": 0, "table": {0: 1, 1: 3}},
            "fields": [
                {"name": "mode", "type": "uint8"},
                {"name": "total", "type": "uint16", "when": {"field": "mode", "is": [1]}},
            ],
        },
    ],
}
TYPES = {
    "kind": "tlv",
    "keys": ["type"],
    "items": [
        {"type": 0x01, "fields": [TEMPERATURE]},
        {"type": 0x05, "fields": [{"name": "motion", "type": "uint8"}]},
        {"type": 0x19, "list": "probes", "fields": [TEMPERATURE]},
        {"type": 0x3E, "length": {"rest": True}, "fields": [{"name": "settings", "type": "hex(rest)"}]},
    ],
    "variants": [
        {"add": {"type": 0x40}, "after": [{"name": "age", "type": "uint8"}], "list": "earlier"},
        {"add": {"type": 0x80}, "after": [{"name": "age", "type": "uint16"}], "list": "earlier"},
    ],
}


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ("017563036703010567", "bad_payload"),
        ("0175630367ebff", {"battery": 99, "temperature": -2.1}),
        ("0367ebff01750a", {"temperature": -2.1, "battery": 10}),
        ("01750a01750b", {"battery": 10}),
        ("07 02 ff 09 02 05", {"inputs": [{"channel": 7, "v": -1}, {"channel": 9, "v": 5}]}),
        (
            "20ce00f15365eb00 20ce3cf15365ec00",
            {"history": [{"time": 1700000000, "temperature": 23.5}, {"time": 1700000060, "temperature": 23.6}]},
        ),
        ("ff10024f4b 017501", {"note": "OK", "battery": 1}),
        ("ff1100 017501", {"mode": 0, "battery": 1}),
        ("ff11010a00 017501", {"mode": 1, "total": 10, "battery": 1}),
        ("ff1102", "bad_payload"),
        ("ff1005", "bad_payload"),
        ("", {}),
        ("01", "bad_payload"),
        ("0175", "bad_payload"),
        ("0999", "bad_payload"),
    ],
)
def test_items_become_fields_and_lists(decode, payload, found):
    assert decode(CHANNELS, [payload]) == [found]


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ("0100eb0503", {"temperature": 23.5, "motion": 3}),
        ("1900eb19ffff", {"probes": [{"temperature": 23.5}, {"temperature": -0.1}]}),
        (
            "0100eb 4100ea0a 8100e90100",
            {
                "temperature": 23.5,
                "earlier": [{"temperature": 23.4, "age": 10}, {"temperature": 23.3, "age": 256}],
            },
        ),
        ("05013e0102", {"motion": 1, "settings": "0102"}),
    ],
)
def test_variants_are_the_same_items_under_other_keys(decode, payload, found):
    assert decode(TYPES, [payload]) == [found]


def test_an_unknown_key_may_end_the_reading_and_the_rest_is_shown(decode):
    assert decode(TYPES | {"unknown": "stop"}, ["0100eb7aaabb", "0100eb"]) == [
        {"temperature": 23.5, "_rest": "7aaabb"},
        {"temperature": 23.5},
    ]


def test_an_unknown_item_is_passed_over_where_all_say_their_length(decode):
    layout = {
        "kind": "tlv",
        "keys": ["type"],
        "length": {"prefix": "uint8"},
        "unknown": "skip",
        "items": [{"type": 1, "fields": [TEMPERATURE]}],
    }

    assert decode(layout, ["9903aabbcc010200eb", "9905aa"]) == [{"temperature": 23.5}, "bad_payload"]


def test_keys_may_be_bits_of_one_byte_and_a_header_goes_before(decode):
    layout = {
        "kind": "tlv",
        "keys": [{"name": "type", "bits": [7, 3]}, {"name": "channel", "bits": [2, 0]}],
        "header": [{"name": "version", "type": "uint8"}],
        "trailer": 1,
        "items": [{"type": 2, "channel": "any", "list": "sensors", "show": ["channel"], "fields": [TEMPERATURE]}],
    }

    assert decode(layout, ["05 11 00eb 12 00ec cc", "05"]) == [
        {"version": 5, "sensors": [{"channel": 1, "temperature": 23.5}, {"channel": 2, "temperature": 23.6}]},
        "bad_payload",
    ]


def test_a_bad_message_changes_nothing_for_its_neighbours(decode):
    good = ["0175630367ebff", "07 02 ff", "20ce00f15365eb00", ""]
    bad = ["0175", "0999", None, "20ce00"]
    mixed = [payload for pair in zip(good, bad, strict=True) for payload in pair]

    assert decode(CHANNELS, mixed)[::2] == decode(CHANNELS, good)
    assert decode(CHANNELS, mixed)[1::2] == ["bad_payload", "bad_payload", None, "bad_payload"]


def test_more_items_than_a_device_sends_are_refused_at_once(layout):
    described = {"kind": "tlv", "keys": ["type"], "items": [{"type": 1, "length": 0}]}
    begun = time.monotonic()

    _, faults = LayoutDocuments(layout(described)).documents(pa.array([b"\x01" * 262_144, b"\x01" * MAX_ELEMENTS]))

    assert faults.to_pylist() == ["bad_payload", None]
    assert time.monotonic() - begun < 10


def test_a_slice_of_a_larger_array_reads_as_itself(layout):
    documents = LayoutDocuments(layout(TYPES)).documents
    bodies = pa.array([bytes.fromhex("0501"), None, bytes.fromhex("0502"), b"\x05", bytes.fromhex("0504")])
    whole = documents(bodies)

    for start in range(5):
        assert documents(bodies.slice(start, 2))[0].to_pylist() == whole[0].slice(start, 2).to_pylist()
        assert documents(bodies.slice(start, 0))[0].to_pylist() == []
