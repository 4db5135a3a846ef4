"""Drift of JSON-like payloads: what is new, gone or of another type, by path."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from canonical.drift.noticed import MOST_FIELDS
from canonical.drift.structures import OTHERS

GOOD = {"d": "a", "v": 20}
RECORDS = {
    "device": {"path": "id", "source": "x"},
    "readings": [],
    "records": [
        {
            "each": "rooms[*].sensors.*",
            "only": {"has": ["t"]},
            "readings": [{"metric": "air_temperature", "path": "t", "unit": "degC", "channel": {"path": "^.name"}}],
        }
    ],
}
PAYLOAD = {
    "decode": {
        "format": "json",
        "payload": {
            "path": "data",
            "encoding": "hex",
            "layout": {
                "kind": "fixed",
                "byte_order": "big",
                "fields": [{"name": "t", "type": "int16", "scale": 0.1}, {"name": "spare", "type": "uint8"}],
            },
        },
    },
    "readings": [{"metric": "air_temperature", "path": "payload.t", "unit": "degC"}],
    "ignore": ["payload.spare"],
}
NEW = {
    "a new field": ({}, {**GOOD, "x": 1}, [("x", "number")]),
    "an object is one field": ({}, {**GOOD, "x": {"y": [1], "z": {}}}, [("x", "object")]),
    "null says that there is a field": ({}, {**GOOD, "x": None}, [("x", "null")]),
    "inside a known object": (
        {"readings": [{"metric": "air_temperature", "path": "m.v", "unit": "degC"}]},
        {"d": "a", "m": {"v": 20, "w": True}},
        [("m.w", "boolean")],
    ),
    "inside elements": (
        {"ignore": ["rx[*].rssi"]},
        {**GOOD, "rx": [{"rssi": 1}, {"rssi": 2, "snr": -3.5}]},
        [("rx[*].snr", "number")],
    ),
    "a key with a dot": ({}, {**GOOD, "a.b": 1}, [("['a.b']", "number")]),
    "ignored": ({"ignore": ["x", "tags.*", "rx[*].*"]}, {**GOOD, "x": 1, "tags": {"a": {}}, "rx": [{"s": 1}]}, []),
    "ignored by a pattern": ({"ignore": ["x_*"]}, {**GOOD, "x_1": 1, "x_b": {"c": 1}, "y_1": 1}, [("y_1", "number")]),
    "ignored whole": ({"ignore": ["rx"]}, {**GOOD, "rx": [{"s": {"t": 1}}]}, []),
    "in entries of entries": (
        RECORDS,
        {"id": "a", "rooms": [{"name": "n", "sensors": {"s1": {"t": 1}, "s2": {"t": 2, "co2": 3}}, "area": 4}]},
        [("rooms[*].area", "number"), ("rooms[*].sensors.*.co2", "number")],
    ),
    "fields of a layout are known": (PAYLOAD, {"d": "a", "data": "00d20a", "port": 1}, [("port", "number")]),
    "a field that match looks at": (
        {"match": {"content_type": ["a/b"], "has": ["kind"]}},
        {**GOOD, "kind": 1, "x": "t"},
        [("x", "text")],
    ),
    "a list of records": (
        {"decode": {"format": "json_array"}},
        [GOOD, {**GOOD, "x": 1}, {**GOOD, "x": 2, "y": "t"}],
        [("x", "number"), ("y", "text")],
    ),
    "SenML's own labels": (
        {
            "decode": {"format": "senml_json"},
            "device": {"path": "n", "source": "x"},
            "time": {"path": "t", "format": "epoch_s"},
            "readings": [{"metric": "air_temperature", "path": "v", "unit": "degC"}],
        },
        [{"bn": "a", "bt": 1.7e9, "n": "", "u": "Cel", "v": 20, "ut": 60}],
        [],
    ),
}


@pytest.mark.parametrize(("words", "said", "new"), NEW.values(), ids=NEW.keys())
def test_new_fields_are_noticed_by_their_paths(
    spec: Callable[..., Any], events: Callable[..., Any], drift: Callable[..., Any],
    words: dict[str, Any], said: Any, new: list[tuple[str, str]],
) -> None:  # fmt: skip
    found = drift(spec(**words), events(json.dumps(said).encode()))

    assert [(field, seen) for kind, field, _, seen, _ in found if kind == "new_field"] == new


TYPES = {
    "number to text": ({}, {"d": "a", "v": "20"}, [("v", "number", "text")]),
    "number to object": ({}, {"d": "a", "v": {"value": 20}}, [("v", "number", "object")]),
    "number to array": ({}, {"d": "a", "v": [20]}, [("v", "number", "array")]),
    "object to number": (
        {"readings": [{"metric": "air_temperature", "path": "m.v", "unit": "degC"}]},
        {"d": "a", "m": 20},
        [("m", "object", "number")],
    ),
    "elements of several types": (
        {"readings": [{"metric": "air_temperature", "path": "v[0]", "unit": "degC"}]},
        {"d": "a", "v": [20, "t"]},
        [("v[*]", "number", "mixed")],
    ),
    "a name may be a number": ({}, {"d": 7, "v": 20}, []),
    "whole and broken numbers are one type": ({}, {"d": "a", "v": 20.5}, []),
    "null is no type": ({}, {"d": "a", "v": None}, []),
    "a text where texts are numbers": ({"number": {"decimal": ","}}, {"d": "a", "v": "20,5"}, []),
    "a time in seconds where one is written out": (
        {"time": {"path": "t", "format": "iso"}},
        {**GOOD, "t": 1_700_000_000},
        [("t", "text", "number")],
    ),
}


@pytest.mark.parametrize(("words", "said", "changed"), TYPES.values(), ids=TYPES.keys())
def test_changed_types_are_noticed(
    spec: Callable[..., Any], events: Callable[..., Any], drift: Callable[..., Any],
    words: dict[str, Any], said: Any, changed: list[tuple[str, str, str]],
) -> None:  # fmt: skip
    found = drift(spec(**words), events(json.dumps(said).encode()))

    assert [(field, expected, seen) for kind, field, expected, seen, _ in found if kind == "changed_type"] == changed


def test_what_is_not_there_is_counted_beside_what_is(
    spec: Callable[..., Any], events: Callable[..., Any], noticed: Callable[..., Any]
) -> None:
    found = noticed(spec(), events(*(json.dumps(each).encode() for each in (GOOD, {"d": "a"}, {"d": "a", "v": None}))))

    assert {(row["kind"], row["field"], row["events"], row["sequence_number"]) for row in found.rows()} == {
        ("present", "d", 3, 0), ("present", "v", 1, 0), ("missing_field", "v", 2, 1),
    }  # fmt: skip


def test_an_event_counts_once_however_many_records_it_has(
    spec: Callable[..., Any], events: Callable[..., Any], drift: Callable[..., Any]
) -> None:
    lines = "\n".join(json.dumps({**GOOD, "x": n}) for n in range(5)).encode()

    assert drift(spec(decode={"format": "ndjson"}), events(lines)) == [("new_field", "x", "", "number", 1)]


def test_events_that_cannot_be_read_show_no_drift(
    spec: Callable[..., Any], events: Callable[..., Any], noticed: Callable[..., Any]
) -> None:
    deep = b'{"d":"a","v":1,"x":' + b"[" * 1000 + b"]" * 1000 + b"}"

    found = list(noticed(spec(), events(b"{", b"[1]", b"\xff", deep)).rows())

    assert [(row["kind"], row["field"]) for row in found] == [("new_field", OTHERS)]


def test_a_million_keys_are_a_few_lines(
    spec: Callable[..., Any], events: Callable[..., Any], noticed: Callable[..., Any]
) -> None:
    bodies = [json.dumps({**GOOD, **{f"k{n}_{m}": m for m in range(2500)}}).encode() for n in range(400)]

    lines = list(noticed(spec(), events(*bodies)).rows())

    assert len(lines) <= MOST_FIELDS + 10
    assert sum(row["events"] for row in lines if row["field"] == OTHERS) >= 400


def test_the_first_event_is_that_of_the_smallest_position_whatever_the_cut(
    spec: Callable[..., Any], events: Callable[..., Any], noticed: Callable[..., Any]
) -> None:
    early, late = (events(json.dumps({**GOOD, "x": n}).encode(), first=n) for n in (3, 9))

    (line,) = [row for row in noticed(spec(), late, early).rows() if row["kind"] == "new_field"]

    assert (line["sequence_number"], line["example"], line["events"]) == (3, "3", 2)
