"""Single guesses of a proposal: formats of files, times, words, numbers, identities."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest

from canonical.proposal.fields import Field, groups_of, is_identity
from canonical.proposal.items import tilings
from canonical.proposal.masked import Mask, pseudonym
from canonical.proposal.numbers import numbers_in
from canonical.proposal.quantities import quantity_of
from canonical.proposal.rows import rows_of
from canonical.proposal.samples import read_samples
from canonical.proposal.times import interval_of, moment_of, times_in
from canonical.proposal.words import words_of


def field(name: str, *values: Any) -> Field:
    return Field(name, list(values), list(range(len(values))), len(values))


@pytest.mark.parametrize(
    ("content", "whole", "format_", "messages"),
    [
        (b'{"a": 1}', False, "json", 1),
        (b'{"a": 1}\n{"a": 2}\n', False, "json", 2),
        (b'{"a": 1}\n{"a": 2}\n', True, "ndjson", 1),
        (b'[{"a": 1}, {"a": 2}]', False, "json", 2),
        (b'[{"a": 1}, {"a": 2}]', True, "json_array", 1),
        (b'[{"n": "x", "v": 1}]', False, "senml_json", 1),
        (cbor2.dumps([{0: "x", 2: 1.5}]), False, "senml_cbor", 1),
        (cbor2.dumps({"a": 1}), False, "cbor", 1),
        (b"0a0b 0c\n0d0e0f", False, "binary", 2),
        (b"AQIDBA==\nAQID/w==", False, "binary", 2),
        (b"a;b\n1;2\n", False, "csv", 1),
        ("a;Büro\n1;2\n".encode("latin-1"), False, "csv", 1),
    ],
)
def test_the_format_of_a_file_is_told_by_its_bytes(content: bytes, whole: bool, format_: str, messages: int) -> None:
    samples = read_samples([content], whole=whole)

    assert (samples.format, len(samples.messages)) == (format_, messages)


@pytest.mark.parametrize(
    ("values", "format_", "doubt"),
    [
        (("2026-03-01T10:00:00Z", "2026-03-01T10:00:05+02:00"), "iso", ""),
        (("2026-03-01 10:00:00",), "iso_local", ""),
        ((1772359200, 1772359260.5), "epoch_s", ""),
        ((1772359200000,), "epoch_ms", ""),
        (("1772359200000000",), "epoch_us", ""),
        ((1772359200000000000,), "epoch_ns", ""),
        (("13/03/2026 10:00",), "%d/%m/%Y %H:%M", ""),
        (("03/04/2026 10:00:00",), "%d/%m/%Y %H:%M:%S", "month first"),
        (("03/13/2026 10:00:00",), "%m/%d/%Y %H:%M:%S", ""),
        (("01.02.2026 18.30.00",), "%d.%m.%Y %H.%M.%S", ""),
        (("20260301T100000",), "%Y%m%dT%H%M%S", ""),
        ((0, 1772359200), "epoch_s", ""),
    ],
)
def test_a_time_is_told_by_its_values(values: tuple[Any, ...], format_: str, doubt: str) -> None:
    (found,) = times_in([field("ts", *values)])

    assert found.format == format_
    assert doubt in " ".join(found.unsure)
    assert found.unset == ((0,) if values[0] == 0 else ())


def test_what_was_measured_goes_before_what_was_received_and_counts_are_no_times() -> None:
    fields = [field("received_at", "2026-03-01T10:00:01Z"), field("measured_at", "2026-03-01T10:00:00Z"), field("n", 7)]

    assert [found.paths for found in times_in(fields)] == [("measured_at",), ("received_at",)]


@pytest.mark.parametrize(
    ("name", "values", "metric", "unit", "scale"),
    [
        ("tempF", (70.1, 71), "air_temperature", "degF", 1),
        ("temperature", (21.5, 22), "air_temperature", "degC", 1),
        ("temperature", (71.5, 72), "air_temperature", "degF", 1),
        ("temp", (2153, 2201), "air_temperature", "degC", 0.01),
        ("temp", (295.1, 296.2), "air_temperature", "K", 1),
        ("soilTemp", (8.5,), "soil_temperature", "degC", 1),
        ("t_outside", (8.5,), "outdoor_air_temperature", "degC", 1),
        ("hum", (412, 433), "relative_humidity", "percent", 0.1),
        ("press", (101325, 99800), "air_pressure", "Pa", 1),
        ("baro_hpa", (1013.2,), "air_pressure", "hPa", 1),
        ("batt", (3.61, 3.6), "battery_voltage", "V", 1),
        ("batt", (87, 86), "battery_level", "percent", 1),
        ("battery_mv", (3012,), "battery_voltage", "mV", 1),
        ("PM2.5 (µg/m³)", (12.5,), "pm2_5", "ug/m**3", 1),
        ("NO2 [ppb]", (12.5,), "no2", "ppb", 1),
        ("windSpeed_kmh", (12.5,), "wind_speed", "km/h", 1),
        ("active_power_kW", (12.5,), "power", "kW", 1),
        ("lat", (525123456,), "latitude", "deg", 1e-7),
    ],
)
def test_a_quantity_is_told_by_name_unit_and_values(
    name: str, values: tuple[float, ...], metric: str, unit: str, scale: float
) -> None:
    words, named = words_of(name)
    found = quantity_of(words, named, numbers_in(field(name, *values)))

    assert found is not None
    assert (found.metric.name, found.unit, found.scale) == (metric, unit, scale)
    assert bool(found.unsure) == (named is None) or metric in {"air_pressure", "power"}


@pytest.mark.parametrize(
    ("values", "numbers", "declared"),
    [
        ((1, 2.5), [1, 2.5], {}),
        (("21.5", "22"), [21.5, 22], {"quoted": True}),
        (("21,5", "22"), [21.5, 22], {"decimal": ",", "quoted": True}),
        (("1.013,25", "998,5"), [1013.25, 998.5], {"decimal": ",", "thousands": [".", " ", "\u00a0"], "quoted": True}),
        (("21.5 °C", "22 °C"), [21.5, 22], {"strip": "°C", "quoted": True}),
        (("n/a", "21.5"), [21.5], {"quoted": True}),
    ],
)
def test_numbers_are_read_as_vendors_write_them(values: Any, numbers: list[float], declared: dict[str, Any]) -> None:
    found = numbers_in(field("x", *values))

    assert found is not None
    assert (found.values, found.declared) == (numbers, declared)


@pytest.mark.parametrize("values", [("abc", "def", "1"), (True, False), ()])
def test_what_is_no_number_is_none(values: Any) -> None:
    assert numbers_in(field("x", *values)) is None


def test_a_sentinel_is_an_impossible_value_that_is_known_for_it_or_comes_again() -> None:
    words, _ = words_of("temp")
    found = quantity_of(words, "degC", numbers_in(field("temp", 20, 21, -200, 850, 850, 300)))

    assert found is not None
    assert found.sentinels == [-200, 850]
    assert any("the rest is rejected" in said for said in found.unsure)


def test_rows_are_told_from_a_header_and_a_decimal_comma_from_a_delimiter() -> None:
    rows = rows_of("when;t;h\n1;21,5;40\n2;22,5;41\n", 10)
    bare = rows_of("1,21.5,40\n2,22.5,41\n", 10)

    blanks = rows_of("1  21,5 40\n2 22,5\t41\n", 10)
    assert (blanks.delimiter, blanks.decimal, blanks.records()[1]["column3"]) == ("whitespace", ",", "41")
    assert (rows.delimiter, rows.decimal, rows.columns, len(rows.lines)) == (";", ",", ("when", "t", "h"), 2)
    assert (bare.delimiter, bare.decimal, bare.header, bare.columns) == (
        ",",
        ".",
        None,
        ("column1", "column2", "column3"),
    )


def test_groups_are_arrays_of_objects_and_objects_whose_keys_are_names() -> None:
    document = {
        "list": [{"a": 1}, {"a": 2, "deep": [{"b": 3}]}],
        "fixed": {"inner": {"x": 1}, "outer": {"x": 2}},
        "named": {"a81758fffe03b1c2": {"x": 1}, "a81758fffe03b1c3": {"x": 2}},
        "pair": [1, 2],
        "od.d": {"it's": 1, "y": 2},
    }
    groups = {group.each: sorted(group.fields) for group in groups_of([document])}

    assert groups == {
        "": ["['od.d'].y", "fixed.inner.x", "fixed.outer.x", "pair[0]", "pair[1]"],
        "list[*]": ["a"],
        "list[*].deep[*]": ["b"],
        "named.*": ["x"],
    }


@pytest.mark.parametrize(
    ("bodies", "keys", "lengths"),
    [
        (("0367f2000468730175 5c", "0367f300"), ("channel", "type"), {(3, 0x67): 2, (4, 0x68): 1, (1, 0x75): 1}),
        (("a10200e1b20129", "a10200e3c304000003e8b20128"), ("type",), {(0, 0xA1): 2, (0, 0xB2): 1, (0, 0xC3): 4}),
    ],
)
def test_items_are_found_where_they_fill_every_payload(bodies: Any, keys: Any, lengths: Any) -> None:
    known = {0x67: 2, 0x68: 1, 0x75: 1}
    found = tilings([bytes.fromhex(body) for body in bodies], known)

    assert found is not None
    assert (found.keys, found.lengths) == (keys, lengths)


def test_bytes_without_a_pattern_are_not_taken_apart() -> None:
    assert tilings([bytes(range(7)), bytes(range(100, 113))], {0x67: 2}) is None


def test_masked_samples_keep_their_form_and_what_is_no_identity() -> None:
    document = {
        "id": "0004A30B001C0530",
        "at": "2026-03-01T10:00:00Z",
        "lat": 52.51234,
        "list": [{"n": n} for n in range(9)],
    }
    masked = json.loads(Mask({"0004A30B001C0530"}, {"lat"}).body(json.dumps(document).encode(), "utf-8"))

    assert masked["id"] == pseudonym("0004A30B001C0530")
    assert masked["id"] != document["id"]
    assert [c.isdigit() for c in masked["id"]] == [c.isdigit() for c in document["id"]]
    assert (masked["at"], masked["lat"], len(masked["list"])) == (document["at"], 52.5, 3)


def test_small_answers() -> None:
    moments = [("a", moment_of(1772359200 + 60 * n, "epoch_s")) for n in range(4)]

    assert interval_of([(who, at) for who, at in moments if at]) == "1m"
    assert [is_identity(text) for text in ("0004A30B", "AX-100193", "kitchen1", "temperature", "a1")] == [
        True, True, False, False, False,
    ]  # fmt: skip
