"""Units, times and identities: golden values."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from canonical import units
from canonical.canonicaliser import Canonicaliser

EXACT = [
    ("degF", "degC", 71.6, 22.0),
    ("degF", "degC", 212.0, 100.0),
    ("degF", "degC", -40.0, -40.0),
    ("K", "degC", 293.15, 20.0),
    ("K", "degC", 273.15, 0.0),
    ("Pa", "hPa", 101325.0, 1013.25),
    ("kPa", "hPa", 101.325, 1013.25),
    ("mV", "V", 3610.0, 3.61),
    ("dimensionless", "percent", 0.41, 41.0),
    ("ppb", "ppm", 412_500.0, 412.5),
    ("percent", "ppm", 0.04, 400.0),
    ("degC", "degC", 0.1 + 0.2, 0.1 + 0.2),
]


def _apply(factors, value):
    times, plus, over = factors
    return (value * times + plus) / over


@pytest.mark.parametrize(("unit", "canonical", "value", "expected"), EXACT)
def test_conversion_factors_are_exact(unit, canonical, value, expected):
    assert _apply(units.factors(unit, canonical), value) == expected


def test_factors_too_long_for_a_double_are_still_right():
    assert _apply(units.factors("psi", "hPa"), 14.5) == pytest.approx(14.5 * 68.94757293168361, rel=1e-12)
    assert _apply(units.factors("inHg", "hPa"), 29.92) == pytest.approx(1013.2075, rel=1e-5)


def test_scale_and_offset_come_before_the_unit():
    assert units.factors("degC", "degC", 0.1, -40.0) == (1, -400, 10)
    assert _apply(units.factors("degF", "degC", 0.1, 0.0), 716) == 22.0


@pytest.mark.parametrize("text", ["degF?", "", " ", "5 m", "9**9**9", "m**0.5", "degC degC", "import os", "1/0"])
def test_what_is_no_unit_is_refused(text):
    with pytest.raises(ValueError, match="is not a unit"):
        units.dimension(text)


@pytest.mark.parametrize(("written", "named"), [("%", "percent"), ("µg/m³", "ug/m**3"), ("C", "degC"), ("°F", "degF")])
def test_a_mapping_may_write_a_unit_as_devices_do(written, named):
    assert units.dimension(written) == units.dimension(named)
    assert units.factors(written, "degC" if "deg" in named else named) == units.factors(
        named, "degC" if "deg" in named else named
    )


def test_air_in_ducts_is_measured_in_inches_of_water():
    assert _apply(units.factors("inH2O", "Pa"), 1.4) == pytest.approx(348.724474, rel=1e-12)


def test_a_scale_may_be_a_ratio_that_no_decimal_is():
    assert units.factors("percent", "percent", "100/254") == (50, 0, 127)


@pytest.mark.parametrize(("unit", "other"), [("dBm", "W"), ("dB", "percent"), ("dB", "dBm")])
def test_decibels_are_nothing_but_decibels(unit, other):
    assert units.dimension(unit) != units.dimension(other)


def test_every_known_unit_is_one():
    assert all(units.dimension(unit) is not None for unit in units.KNOWN.values())


@pytest.mark.parametrize("value", [21.53, 0.1, 1e-300, -59.99999999999999, 84.99999999999999, 5e-324])
def test_a_value_in_the_canonical_unit_keeps_every_bit(value, json_event, protobuf_event, outcome):
    for event in (json_event(fields={"temperature": value}), protobuf_event(fields={"temperature": value})):
        readings, _ = outcome(event)
        assert readings[0]["value"].hex() == value.hex()
        assert readings[0]["flags"] == 0


def test_minus_zero_is_zero(json_event, protobuf_event, outcome):
    for event in (json_event(fields={"temperature": -0.0}), protobuf_event(fields={"temperature": -0.0})):
        readings, _ = outcome(event)
        assert readings[0]["value"].hex() == "0x0.0p+0"


TIMES = [
    ("2026-11-21T03:00:00Z", "2026-11-21T03:00:00"),
    ("2026-11-21T03:00Z", "2026-11-21T03:00:00"),
    ("2026-11-21t03:00:00.5z", "2026-11-21T03:00:00.500000"),
    ("2026-11-21 04:00:00+01:00", "2026-11-21T03:00:00"),
    ("2026-11-20T22:30:00-0530", "2026-11-21T04:00:00"),
    ("2026-11-21T02:59:59.9999999Z", "2026-11-21T02:59:59.999999"),
    ("2026-11-21T02:59:59.999999999999Z", "2026-11-21T02:59:59.999999"),
    ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00"),
    ("2026-11-22T03:00:01Z", "2026-11-22T03:00:01"),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_times_are_utc_microseconds_cut_toward_the_past(text, expected, json_event, outcome):
    readings, rejects = outcome(json_event(fields={"time": text}))

    assert not rejects
    assert readings[0]["recorded_at"] == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert readings[0]["recorded_at_source"] == "device"


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-21T03:00:00", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z"),
        *(
            "2026-11-21T03:00:60Z",
            "2026-11-21T03:00:00+25:00",
            "2026-11-21T03:00:00 Europe/Berlin",
            "infinity",
            "epoch",
        ),
        *("now", "20261121T030000Z", "2026-1-2T03:00:00Z", " 2026-11-21T03:00:00Z", "", "2026-0327T03:00:00Z"),
    ],
)
def test_a_time_that_is_not_sure_is_bad(text, json_event, outcome):
    _, rejects = outcome(json_event(fields={"time": text}))

    assert rejects[-1]["reason"] == "bad_time"


@pytest.mark.parametrize(
    ("format_", "text", "expected"),
    [
        ("epoch_s", "1458031648.545", "2016-03-15T08:47:28.545000"),
        ("epoch_s", "1458031648.5459997", "2016-03-15T08:47:28.545999"),
        ("epoch_s", "1458031648", "2016-03-15T08:47:28"),
        ("epoch_ms", "1458031648545", "2016-03-15T08:47:28.545000"),
        ("epoch_ms", "1458031648545.9993", "2016-03-15T08:47:28.545999"),
        ("epoch_ms", "1.458031648545e12", "2016-03-15T08:47:28.545000"),
        ("epoch_us", "1458031648545999", "2016-03-15T08:47:28.545999"),
        ("epoch_us", "1458031648545999.75", "2016-03-15T08:47:28.545999"),
    ],
)
def test_numbers_of_seconds_are_exact(format_, text, expected, vendor_outcome):
    readings, _ = vendor_outcome(f'{{"id":"a","at":{text},"t":1}}', time={"path": "at", "format": format_})

    assert readings[0]["recorded_at"] == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ['"1458031648545"', "1e300", "NaN", "true", "99999999999999999999", "[1]", "-1e18"])
def test_a_number_that_is_no_time_is_bad(text, spec_of, json_event, outcome):
    vendor = Canonicaliser.of([spec_of(time={"path": "at", "format": "epoch_ms"})])

    _, rejects = outcome(json_event(f'{{"id":"a","at":{text},"t":1}}'.encode(), schema_ref="vendor"), using=vendor)

    assert rejects[-1]["reason"] == "bad_time"


def test_the_hubs_time_is_taken_only_where_the_mapping_allows_it(spec_of, json_event, outcome):
    vendor = Canonicaliser.of([spec_of(time={"path": "at", "fallback": "envelope"})])

    without, _ = outcome(json_event(b'{"id":"a","t":1}', schema_ref="vendor"), using=vendor)
    _, unreadable = outcome(json_event(b'{"id":"a","at":"soon","t":1}', schema_ref="vendor"), using=vendor)

    assert without[0]["recorded_at"] == datetime(2026, 11, 21, 3, 0, 1, tzinfo=UTC)
    assert (without[0]["recorded_at_source"], without[0]["flags"]) == ("envelope", 1)
    assert unreadable[-1]["reason"] == "bad_time"


def test_a_mapping_may_be_stricter_about_time(spec_of, json_event, outcome):
    limits = {"path": "at", "earliest": "2020-01-01T00:00:00Z", "ahead_hours": 1}
    vendor = Canonicaliser.of([spec_of(time=limits)])

    def reasons(at: str) -> list[str]:
        event = json_event(json.dumps({"id": "a", "at": at, "t": 1}).encode(), schema_ref="vendor")
        return [row["reason"] for row in outcome(event, using=vendor)[1].values()]

    assert reasons("2026-11-21T04:00:01Z") == []
    assert reasons("2026-11-21T04:00:01.000001Z") == ["future"]
    assert reasons("2019-12-31T23:59:59Z") == ["too_old"]


@pytest.mark.parametrize(
    ("gateway", "envelope", "payload", "expected"),
    [
        (False, None, "a", "vendor:a"),
        (False, "a", "a", "vendor:a"),
        (False, "b", None, "vendor:b"),
        (False, "b", "a", "device_mismatch"),
        (True, "b", "a", "vendor:a"),
        (True, "b", None, "vendor:b"),
        (False, None, 17, "vendor:17"),
        (False, "17", 17, "vendor:17"),
        (False, None, 17.5, "missing_device"),
        (False, "", "", "missing_device"),
        (False, None, 'q"uo\\te', 'vendor:q"uo\\te'),
        (False, None, "a\u0000b", "vendor:a\u0000b"),
    ],
)
def test_who_measured(gateway, envelope, payload, expected, vendor_outcome):
    body = json.dumps({"id": payload, "at": "2026-11-21T03:00:00Z", "t": 1})
    device = {"path": "id", "source": "vendor", "gateway": gateway}

    readings, rejects = vendor_outcome(body, {"device_id": envelope}, device=device)

    assert [row["device_id"] for row in readings.values()] + [row["reason"] for row in rejects.values()] == [expected]


def test_nodes_of_one_number_at_two_locations_are_two_devices(csv_event, outcome):
    def device(source: str | None) -> str:
        readings, _ = outcome(csv_event(properties=[("source", source)] if source else []))
        return readings[0]["device_id"]

    assert device("x/datasets-location_A/file.csv.gz") == "room_climate-A:2"
    assert device("x/datasets-location_B2/location_C.csv") == "room_climate-B2:2"
    assert device("elsewhere.csv") == "room_climate:2"
    assert device(None) == "room_climate:2"


@pytest.mark.parametrize(
    ("discriminator", "expected"), [({"path": "seq"}, "42"), ({"property": "sys.message_id"}, "m-1"), (None, "")]
)
def test_the_discriminator_is_what_the_mapping_names(discriminator, expected, spec_of, json_event, outcome):
    vendor = Canonicaliser.of([spec_of(discriminator=discriminator)])

    body = b'{"id":"a","at":"2026-11-21T03:00:00Z","t":1,"seq":42}'
    readings, _ = outcome(json_event(body, schema_ref="vendor"), using=vendor)

    assert readings[0]["discriminator"] == expected
