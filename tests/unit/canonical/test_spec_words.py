"""Errors in the words of records, times, states, pairs and layouts: file, line and what to do."""

from __future__ import annotations

import pytest

from canonical.ignored import covers
from canonical.paths import PathError, json_path, place, steps
from canonical.specs import SpecError, load_spec

BASE = """\
id: vendor
version: 1
description: A vendor's message.
match: {content_type: [application/json]}
decode: {format: json}
device: {path: id, source: vendor}
time: {path: at}
readings:
  - {metric: air_temperature, path: t, unit: degC}
  - {metric: contact_state, path: c, states: {on: open}}
  - path: v
    metric_path: n
    metrics:
      temp: air_temperature
      hum: {metric: relative_humidity, channel: x}
    unit_path: u
    units: {Cel: degC, RH: percent}
records:
  - each: s[*]
    readings:
      - {metric: co2, path: c, unit: ppm, channel: {path: n}}
"""
TIME = "time: {path: at}"
STATES = "{on: open}"
BINARY = BASE.replace(
    "decode: {format: json}",
    "decode: {format: binary, layout: {kind: fixed, fields: [{name: t, type: int16}, {name: id, type: uint8}]}}",
)
WRONG = [
    (TIME, "time: {path: at, format: epoch_m}", 7, "'epoch_m' is no format of times. Did you mean 'epoch_ms'?"),
    (TIME, "time: {path: at, format: '%d.%m.%Y'}", 7, "name no zone. Say `zone: Europe/Rome`"),
    (TIME, "time: {path: at, format: '%d.%m.%Y %Z', zone: UTC}", 7, "names of zones (%Z) are ambiguous"),
    (TIME, "time: {path: at, zone: Europe/Roma}", 7, "no time zone 'Europe/Roma'. Did you mean 'Europe/Rome'?"),
    (TIME, "time: {path: at, format: epoch_s, zone: UTC}", 7, "`zone` does nothing"),
    (TIME, "time: {parts: [a, b], format: epoch_s}", 7, "parts make a text"),
    (TIME, "time: {path: at, parts: [a, b]}", 7, "give either path or parts"),
    (TIME, "time: {path: at, format: epoch_s, formats: [iso]}", 7, "give either format or formats"),
    (TIME, "time: {path: $.@key}", 7, "neither key nor place"),
    (TIME, "time: {path: ^.at}", 7, "goes above the root"),
    ("path: t, unit: degC", "path: t", 9, "give either unit, or unit_path with units"),
    ("path: t, unit: degC", "path: t, unit: degC, states: {a: b}", 9, "so no states"),
    ("path: t, unit: degC", "path: t, const: 1, unit: degC", 9, "give either path or const"),
    ("path: t, unit: degC", "const: hot, unit: degC", 9, "give a number"),
    ("path: t, unit: degC", "path: '@key', unit: degC", 9, "neither key nor place"),
    ("path: t, unit: degC", "path: t, unit: degC, when: {path: k}", 9, "say `is`, `not` or `given`"),
    ("path: t, unit: degC", "path: t, unit: degC, when: {path: k, is: a, pattern: b}", 9, "has no group"),
    ("path: t, unit: degC", "path: t, unit: degC, channel: {path: k, pattern: '(?<x'}", 9, "RE2"),
    ("path: t, unit: degC", "path: t, unit: degC, channel: {path: k, template: x}", 9, "String should match"),
    ("unit: degC}", "unit: degC, number: {decimal: ',', thousands: ','}}", 9, "both decimal sign and thousands"),
    (STATES, "{on: opened}", 10, "'opened' is no state of contact_state. Did you mean 'open'?"),
    (", states: {on: open}", ", states: {on: open}, unit: degC", 10, "its readings are texts, so no unit"),
    ("metric: contact_state, path: c, states: {on: open}", "metric: device_error, path: c", 10, "or `text: true`"),
    ("temp: air_temperature", "temp: air_temprature", 14, "Did you mean 'air_temperature'?"),
    ("temp: air_temperature", "temp: battery_voltage", 14, "none of the units measures what battery_voltage measures"),
    ("Cel: degC", "Cel: degZ", 14, "unit 'degZ' is not a unit"),
    ("channel: x}", "channel: x, colour: 1}", 15, "colour: is no word of the language."),
    ("each: s[*]", "each: s", 19, "must end in '[*]'"),
    ("each: s[*]", "each: s[*].*.t", 19, "must end in '[*]'"),
    (", channel: {path: n}", "", 21, "each entry of s[*] would give co2 channel '' once more"),
    ("path: c, unit: ppm", "path: ^.^.c, unit: ppm", 21, "goes above the root"),
    ("path: c, unit: ppm", "path: 'x[@index]', unit: ppm", 21, "begin with '$.' or '^.'"),
    ("    readings:\n      - {metric: co2", "    only: {keys: ['(']}\n    readings:\n      - {metric: co2", 20, "RE2"),
    ("decode: {format: json}", "decode: {format: csv, columns: [id, at]}", 18, "no arrays or objects to take apart"),
    ("decode: {format: json}", "decode: {format: csv, columns: [a], header: first_line}", 5, "needs `rows: many`"),
    ("decode: {format: json}", "decode: {format: json, payload: {path: d}}", 5, "give either layout or layouts"),
    ("json]}", "json], has: [a]}\nmax_body_bytes: 900000000", 5, "more readings than can be numbered"),
    ("[application/json]}", "[application/json], patterns: {p: '('}}", 4, "RE2"),
    ("json]}\ndecode: {format: json}", "json], has: [a]}\ndecode: {format: ndjson}", 4, "`format: json` in UTF-8 only"),
    ("source: vendor}", "source: vendor, pattern: abc}", 6, "'abc' has no group"),
]  # fmt: skip


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case[1][:40])
def test_an_error_names_line_and_cure(case, tmp_path):
    old, new, line, says = case
    file = tmp_path / "vendor.yaml"
    assert old in BASE
    file.write_text(BASE.replace(old, new, 1))

    with pytest.raises(SpecError) as error:
        load_spec(file)

    told = [text for text in str(error.value).splitlines() if says in text]
    assert told, str(error.value)
    assert told[0].startswith(f"mapping 'vendor' (vendor.yaml) line {line}: ")


def test_the_base_of_these_errors_is_right(tmp_path):
    file = tmp_path / "vendor.yaml"
    file.write_text(BASE)

    spec = load_spec(file)

    assert [slot.metric for slot in spec.slots if hasattr(slot, "metric")] == [
        *("air_temperature", "contact_state", "air_temperature", "relative_humidity", "co2"),
    ]
    assert spec.groups[1].first == 5
    assert spec.readings[1].states == {"on": "open"}


def test_fields_of_a_layout_are_read_or_ignored(tmp_path):
    file = tmp_path / "vendor.yaml"
    file.write_text(BINARY)

    with pytest.raises(SpecError) as error:
        load_spec(file)

    assert "line 10: the layout gives no 'c'." in str(error.value)
    assert "field 'id' is neither mapped" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.b[0]", '$."a"."b"[0]'), ("['a.b'].c", '$."a.b"."c"'), ("[1][2]", "$[1][2]"), ("a b.c-d", '$."a b"."c-d"')],
)
def test_a_path_is_a_json_path(path, expected):
    assert json_path(path) == expected


@pytest.mark.parametrize("path", ["a[x]", "a..b", "a[", "['a'"])
def test_a_path_that_points_nowhere_is_refused(path):
    with pytest.raises(PathError):
        place(path, 0)


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        ("*", [("$", True)]),
        ("[*]", [("$", False)]),
        ("a.b[*]", [('$."a"."b"', False)]),
        ("a.*.b[*]", [('$."a"', True), ('$."b"', False)]),
        ("*.*", [("$", True), ("$", True)]),
        ("a[0].b[*][*]", [('$."a"[0]."b"', False), ("$", False)]),
    ],
)
def test_each_is_taken_apart_level_by_level(each, expected):
    assert [(step.json, step.entries) for step in steps(each)] == expected


@pytest.mark.parametrize(
    ("patterns", "field", "covered"),
    [
        (["rx"], "rx[0].rssi", True),
        (["rx"], "rxInfo", False),
        (["rx[*].rssi"], "rx[3].rssi", True),
        (["rx[*].rssi"], "rx[3].snr", False),
        (["tags.*"], "tags.room.x", True),
        (["*.Id"], "DS-1.Id", True),
        (["*.Id"], "DS-1.Other", False),
        (["a.b"], "a", False),
        (["co(2)"], "co(2)", True),
    ],
)
def test_a_pattern_covers_a_field_and_what_lies_below(patterns, field, covered):
    assert covers(patterns, field) is covered
