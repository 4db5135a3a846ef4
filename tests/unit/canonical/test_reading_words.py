"""What readings can say: conditions, constants, states, texts, channels, name and value pairs, manners of numbers."""

from __future__ import annotations

import pytest

AT = "2026-11-21T03:00:00Z"
T = {"metric": "air_temperature", "path": "t", "unit": "degC"}
CONTACT = {"metric": "contact_state", "path": "c", "states": {True: "open", "0": "closed", "shut": "closed"}}
BUTTON = {"metric": "button_event", "path": "b", "text": True}
PAIRS = {
    "path": "v",
    "metric_path": "n",
    "metrics": {
        "temp": "air_temperature",
        "hum": {"metric": "relative_humidity", "channel": "x"},
        "door": {"metric": "contact_state", "path": "vb", "states": {"true": "open"}},
        "volt": {"metric": "battery_voltage", "unit": "mV"},
    },
    "unit_path": "u",
    "units": {"Cel": "degC", "%RH": "percent"},
}

CASES = [
    ("when is", [{**T, "when": {"path": "k", "is": "a"}}], {"t": 1, "k": "a"}, [1.0]),
    ("when is not", [{**T, "when": {"path": "k", "is": ["b", "c"]}}], {"t": 1, "k": "a"}, ["no_readings"]),
    ("when is a number", [{**T, "when": {"path": "k", "is": [85]}}], {"t": 1, "k": 85.0}, [1.0]),
    ("when is true", [{**T, "when": {"path": "k", "is": True}}], {"t": 1, "k": True}, [1.0]),
    ("when not", [{**T, "when": {"path": "k", "not": ["a"]}}], {"t": 1, "k": "a"}, ["no_readings"]),
    ("when not, and not there", [{**T, "when": {"path": "k", "not": ["a"]}}], {"t": 1}, [1.0]),
    ("when given", [{**T, "when": {"path": "k", "given": True}}], {"t": 1}, ["no_readings"]),
    ("when absent", [{**T, "when": {"path": "k", "given": False}}], {"t": 1}, [1.0]),
    ("when part of a text", [{**T, "when": {"path": "k", "pattern": "^(..)", "is": "ab"}}], {"t": 1, "k": "abc"}, [1.0]),
    ("no value where it should be", [{**T, "when": {"path": "k", "is": "a"}}], {"k": "a"}, ["missing_field"]),
    ("a constant", [{"metric": "air_temperature", "const": 5, "unit": "degC"}], {}, [5.0]),
    ("a constant event", [{"metric": "button_event", "const": "pressed"}], {}, ["pressed"]),
    ("a state from true", [CONTACT], {"c": True}, ["open"]),
    ("a state from a number", [CONTACT], {"c": 0}, ["closed"]),
    ("a state from the same number", [CONTACT], {"c": 0.0}, ["closed"]),
    ("a state from a number in quotes", [CONTACT], {"c": "0"}, ["closed"]),
    ("a state from a text", [CONTACT], {"c": "shut"}, ["closed"]),
    ("a state nobody knows", [CONTACT], {"c": "ajar"}, ["unknown_state"]),
    ("a state that is a list", [CONTACT], {"c": [True]}, ["unknown_state"]),
    ("a state that is not there", [CONTACT], {"c": None}, ["missing_field"]),
    ("a sentinel for a state", [{**CONTACT, "sentinels": ["n/a"]}], {"c": "n/a"}, ["no_readings"]),
    ("the catalogue's own states", [{"metric": "contact_state", "path": "c"}], {"c": "closed"}, ["closed"]),
    ("none of the catalogue's states", [{"metric": "contact_state", "path": "c"}], {"c": "shut"}, ["unknown_state"]),
    ("an event's text", [BUTTON], {"b": "double"}, ["double"]),
    ("an event's long text", [BUTTON], {"b": "x" * 300}, ["x" * 200]),
    ("an event's empty text", [BUTTON], {"b": ""}, ["unknown_state"]),
    ("some texts by another name", [{**BUTTON, "states": {"1": "single"}}], {"b": 1}, ["single"]),
    ("other texts as they are", [{**BUTTON, "states": {"1": "single"}}], {"b": "2x"}, ["2x"]),
    ("a pair", [PAIRS], {"n": "temp", "v": 20, "u": "Cel"}, [20.0]),
    ("a pair in a unit of another pair", [PAIRS], {"n": "hum", "v": 20, "u": "Cel"}, ["unit_mismatch"]),
    ("a pair with its own field", [PAIRS], {"n": "door", "vb": True}, ["open"]),
    ("a pair with its own unit", [PAIRS], {"n": "volt", "v": 3100}, [3.1]),
    ("a pair without a value", [PAIRS], {"n": "temp", "u": "Cel"}, ["missing_field"]),
    ("a name nobody knows", [PAIRS], {"n": "x", "v": 1}, ["unknown_metric"]),
    ("a name nobody knows, ignored", [{**PAIRS, "others": "ignore"}], {"n": "x", "v": 1}, ["no_readings"]),
    ("a value without a name", [PAIRS], {"v": 1}, ["unknown_metric"]),
    ("part of a name", [{**PAIRS, "metric_pattern": "([a-z]+)$"}], {"n": "a/temp", "v": 2, "u": "Cel"}, [2.0]),
]  # fmt: skip


@pytest.mark.parametrize(("readings", "body", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_a_reading_is_what_its_words_say(readings, body, expected, read):
    found, rejects = read({"readings": readings}, {"id": "a", "at": AT, **body})

    assert [row[-1] for row in found] + [row[-1] for row in rejects] == expected


def test_a_channel_comes_from_the_message(read):
    named = {**T, "channel": {"path": "n", "pattern": "([0-9]+)$", "template": "probe {}"}}

    found, rejects = read(
        {"readings": [named]}, *({"id": "a", "at": AT, "t": 1, "n": n} for n in ("p12", 7, "none", None, {"x": 1}))
    )

    assert [row[4] for row in found] == ["probe 12", "probe 7", "", "", ""]
    assert rejects == []


def test_a_state_has_no_value_and_the_unit_of_its_metric(vendor_outcome):
    readings, _ = vendor_outcome(f'{{"id":"a","at":"{AT}","c":true}}', readings=[CONTACT])

    assert (readings[0]["value"], readings[0]["value_text"], readings[0]["flags"]) == (None, "open", 0)
    assert readings[0]["unit"] == "dimensionless"


def test_a_reject_of_a_name_or_a_state_says_which(vendor_outcome):
    _, rejects = vendor_outcome(f'{{"id":"a","at":"{AT}","c":"ajar","n":"pm25","v":3}}', readings=[CONTACT, PAIRS])

    assert rejects[0]["message"] == 'contact_state of vendor:a is "ajar", which is none of the states the mapping knows'
    assert (rejects[5]["field"], rejects[5]["value"], rejects[5]["metric"]) == ("n", '"pm25"', None)


NUMBERS = [
    ({}, '"21.5"', 21.5),
    ({}, "21.5", 21.5),
    ({}, '" 21.5 "', 21.5),
    ({}, '"\u22124"', -4.0),
    ({}, '"1,5"', "not_a_number"),
    ({}, '""', "not_a_number"),
    ({}, '"nan"', "not_finite"),
    ({"quoted": False}, '"21.5"', "not_a_number"),
    ({"decimal": ","}, '"21,5"', 21.5),
    ({"decimal": ","}, '",5"', 0.5),
    ({"decimal": ","}, '"21.5"', "not_a_number"),
    ({"decimal": ",", "thousands": "."}, '"1.234,5"', 1234.5),
    ({"decimal": ",", "thousands": "."}, '"1.23"', "not_a_number"),
    ({"decimal": ",", "thousands": "."}, '"12.3456,1"', "not_a_number"),
    ({"thousands": [" "]}, '"12\u00a0345"', 12345.0),
    ({"thousands": [" "]}, '"1\u202f234\u202f567"', 1234567.0),
    ({"thousands": ["'", ","]}, '"1,234"', 1234.0),
    ({"thousands": ["'", ","]}, '"1\u2019234"', 1234.0),
    ({"thousands": ["'", ","]}, "\"1'234,567\"", "not_a_number"),
    ({"strip": "%"}, '"45 %"', 45.0),
    ({"strip": ["kWh", "ppm"]}, '"-45ppm"', -45.0),
    ({"strip": ["kWh"]}, '"45 ppm"', "not_a_number"),
    ({}, '"1e3"', 1000.0),
    ({}, "true", "not_a_number"),
    ({}, '"0x1"', "not_a_number"),
]  # fmt: skip


def test_numbers_are_read_in_the_manner_that_is_named(read):
    manners = [
        manner for place, (manner, _, _) in enumerate(NUMBERS) if manner not in [m for m, _, _ in NUMBERS[:place]]
    ]
    for manner in ({"number": manner} for manner in manners):
        asked = [(text, value) for other, text, value in NUMBERS if manner["number"] == other]
        reading = {"metric": "air_temperature", "path": "t", "unit": "degC", "scale": 1e-6, **manner}
        bodies = [f'{{"id":"a","at":"{AT}","t":{text}}}' for text, _ in asked]
        found, rejects = read({"readings": [reading]}, *bodies)

        got = {row[0]: round(row[-1] * 1e6, 6) for row in found} | {row[0]: row[-1] for row in rejects}
        assert [got[number] for number in range(len(asked))] == [value for _, value in asked]
