"""Every reason code that the canonicaliser gives, from an input that deserves it, between good neighbours."""

from __future__ import annotations

import json
import zlib

import pytest

from quality.contracts.reasons import CODES

AT = "2026-11-21T03:00:00Z"


def _json(text: str) -> bytes:
    """The good message with its temperature written as `text`."""
    head = f'{{"device":"sim-9","time":"{AT}","temperature":{text},"temperature_unit":"degC",'
    return (head + '"humidity":41.25,"pressure":101325,"battery":3.61}').encode()


WHOLE_EVENT = [
    pytest.param("empty_body", {"body": b""}, id="empty body"),
    pytest.param("body_too_large", {"body": b'{"device":"' + b"x" * 900_000 + b'"}'}, id="900 kB"),
    pytest.param("unknown_content_type", {"content_type": "application/vnd.odd"}, id="content type nobody reads"),
    pytest.param("unknown_content_type", {"content_type": None}, id="no content type"),
    pytest.param("unknown_content_type", {"content_type": " "}, id="blank content type"),
    pytest.param("no_mapping", {"schema_ref": "simulator.v9"}, id="no mapping for the schema"),
    pytest.param("no_mapping", {"schema_ref": None}, id="no schema at all"),
    pytest.param(
        "unknown_schema", {"content_type": "application/x-protobuf", "schema_ref": "telemetry.v9"}, id="schema"
    ),
    pytest.param(
        "invalid_protobuf", {"content_type": "application/x-protobuf", "schema_ref": None}, id="protobuf, no schema"
    ),
    pytest.param("bad_encoding", {"content_encoding": "br"}, id="unknown encoding"),
    pytest.param("bad_encoding", {"content_encoding": "gzip"}, id="not gzip at all"),
    pytest.param("bad_encoding", {"content_encoding": "deflate", "body": zlib.compress(b"{}")[:-3]}, id="cut deflate"),
    pytest.param("invalid_utf8", {"body": b'{"device":"sim-\xff\xfe"}'}, id="bytes that are no UTF-8"),
    pytest.param("invalid_utf8", {"body": b"\xed\xa0\x80"}, id="an encoded surrogate"),
    pytest.param("invalid_json", {"body": b'{"device":"sim-1","tempera'}, id="cut JSON"),
    pytest.param("invalid_json", {"body": b'{"device":"sim-1",}'}, id="trailing comma"),
    pytest.param("invalid_json", {"body": b'{"a":[1,\n ]}'}, id="trailing comma before a line break"),
    pytest.param("invalid_json", {"body": b"[1, 2]"}, id="an array"),
    pytest.param("invalid_json", {"body": b" null"}, id="null"),
    pytest.param("invalid_json", {"body": b"3"}, id="a number"),
    pytest.param("invalid_json", {"body": b'"{}"'}, id="a text"),
    pytest.param("invalid_json", {"body": b'{"device":"\\ud800"}'}, id="a lone surrogate"),
    pytest.param("invalid_json", {"body": b'{"a":1}\x00'}, id="a NUL behind the end"),
    pytest.param("invalid_json", {"body": b'{"a":1}{"b":2}'}, id="two objects"),
    pytest.param("invalid_json", {"body": b"{'a':1}"}, id="single quotes"),
    pytest.param("missing_device", {"fields": {"device": None}}, id="no device anywhere"),
    pytest.param("missing_device", {"fields": {"device": "  "}}, id="blank device"),
    pytest.param("missing_device", {"fields": {"device": True}}, id="a device that is no name"),
    pytest.param("device_mismatch", {"device_id": "sim-77777"}, id="another device authenticated"),
    pytest.param("missing_time", {"fields": {"time": None}}, id="no time"),
    pytest.param("missing_time", {"body": b'{"device":"sim-1","time":null}'}, id="null time"),
    pytest.param("bad_time", {"fields": {"time": "yesterday"}}, id="unreadable time"),
    pytest.param("bad_time", {"fields": {"time": 1795230000}}, id="a number for a time"),
    pytest.param("future", {"fields": {"time": "2099-01-01T00:00:00Z"}}, id="2099"),
    pytest.param("too_old", {"fields": {"time": "1999-12-31T23:59:59.999Z"}}, id="1999"),
]

ONE_READING = [
    pytest.param("missing_field", {"body": _json("null")}, id="null"),
    pytest.param("missing_field", {"fields": {"temperature": None}}, id="not there"),
    pytest.param("missing_field", {"fields": {"temperature_unit": None}}, id="no unit"),
    pytest.param("not_a_number", {"body": _json('"21.5"')}, id="a number as text"),
    pytest.param("not_a_number", {"body": _json("true")}, id="true"),
    pytest.param("not_a_number", {"body": _json("[21.5]")}, id="a list"),
    pytest.param("not_a_number", {"body": _json('{"v":21.5}')}, id="an object"),
    pytest.param("not_a_number", {"body": _json('"NaN"')}, id="NaN as text"),
    pytest.param("not_finite", {"body": _json("NaN")}, id="NaN"),
    pytest.param("not_finite", {"body": _json("-Infinity")}, id="infinity"),
    pytest.param("not_finite", {"body": _json("1e400")}, id="1e400"),
    pytest.param("not_finite", {"body": _json("9" * 5000)}, id="five thousand digits"),
    pytest.param("unit_mismatch", {"fields": {"temperature_unit": "hPa"}}, id="a unit of pressure"),
    pytest.param("unit_mismatch", {"fields": {"temperature_unit": "%"}}, id="a unit of nothing"),
    pytest.param("unknown_unit", {"fields": {"temperature_unit": "grad"}}, id="no unit we know"),
    pytest.param("unknown_unit", {"fields": {"temperature_unit": "degR"}}, id="a unit the mapping does not list"),
    pytest.param("unknown_unit", {"fields": {"temperature_unit": 7}}, id="a unit that is a number"),
    pytest.param("below_range", {"fields": {"temperature": -60.001}}, id="too cold"),
    pytest.param("above_range", {"fields": {"temperature": 85.001}}, id="too hot"),
    pytest.param("above_range", {"fields": {"temperature": 300, "temperature_unit": "degF"}}, id="too hot in degF"),
]


@pytest.mark.parametrize(("reason", "change"), WHOLE_EVENT)
def test_a_bad_event_is_one_reject_with_its_reason(reason, change, json_event, outcome):
    readings, rejects = outcome(json_event(**change), neighbour=json_event())

    assert not readings
    assert [(row["index"], row["reason"]) for row in rejects.values()] == [(-1, reason)]
    assert CODES[reason].scope == "event"
    assert rejects[-1]["message"]


@pytest.mark.parametrize(("reason", "change"), ONE_READING)
def test_a_bad_reading_is_rejected_and_its_siblings_are_accepted(reason, change, json_event, outcome):
    readings, rejects = outcome(json_event(**change), neighbour=json_event())

    assert sorted(readings) == [1, 2, 3]
    assert [(row["index"], row["reason"], row["metric"]) for row in rejects.values()] == [
        (0, reason, "air_temperature")
    ]
    assert CODES[reason].scope == "reading"
    assert rejects[0]["device_id"].startswith("simulator:sim-")
    assert rejects[0]["recorded_at"] is not None


@pytest.mark.parametrize("event", ["json", "csv", "protobuf"])
def test_neighbours_of_bad_events_are_accepted(event, makers, canonicaliser, table):
    make = makers[event]
    bad = [make(body=body) for body in (b"", b"\xff", b"{", b"\x00" * 9, b"[" * 50_000, b"," * 100)]
    events = [good for each in bad for good in (make(), each)] + [make()]

    converted = canonicaliser.convert(table(events))

    good = {number for number in range(len(events)) if number % 2 == 0}
    assert set(converted.readings.column("sequence_number").to_pylist()) == good
    assert set(converted.rejects.column("sequence_number").to_pylist()) == set(range(len(events))) - good


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"7, 1500000000125, 40.5, 2, 21.25, 38.5, 120.5, 1, 2, 0, 1", "11 columns where there should be 12"),
        (b"7, 1500000000125, 40.5, 2, 21.25, 38.5, 120.5, 310, 1, 2, 0, 1, 9", "13 columns where there should be 12"),
        (b'7,1500000000125,40.5,2,21.25,38.5,120.5,310,1,2,0,"1', "a quote or a line break is out of place"),
        (b"7,1500000000125,40.5,2,21.25,38.5,120.5,310,1,2,0,1\n8", "a quote or a line break is out of place"),
    ],
)
def test_a_csv_row_of_another_shape_is_invalid(body, why, csv_event, outcome):
    readings, rejects = outcome(csv_event(body), neighbour=csv_event())

    assert not readings
    assert rejects[-1]["reason"] == "invalid_csv"
    assert why in rejects[-1]["message"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x0a\x09sim-0000", id="cut in a text"),
        pytest.param(b"\x19\x00\x00\x00", id="cut in a number"),
        pytest.param(b"\x0a\x02\xff\xfe", id="a text that is no UTF-8"),
        pytest.param(b"hello world", id="not protobuf"),
        pytest.param(b"\x00", id="field zero"),
    ],
)
def test_bytes_that_are_no_message_are_invalid_protobuf(body, protobuf_event, outcome):
    readings, rejects = outcome(protobuf_event(body), neighbour=protobuf_event())

    assert not readings
    assert rejects[-1]["reason"] == "invalid_protobuf"


def test_an_event_that_holds_nothing_to_read_is_no_readings(spec_of, outcome, json_event):
    from canonical.canonicaliser import Canonicaliser

    readings = [{"metric": "air_temperature", "path": "t", "unit": "degC", "required": False, "sentinels": [-127]}]
    vendor = Canonicaliser.of([spec_of(readings=readings)])
    for body in ({"id": "a", "at": AT}, {"id": "a", "at": AT, "t": None}, {"id": "a", "at": AT, "t": -127.0}):
        found, rejects = outcome(json_event(json.dumps(body).encode(), schema_ref="vendor"), using=vendor)
        assert not found
        assert rejects[-1]["reason"] == "no_readings"


def test_a_reject_shows_field_value_and_message(json_event, outcome):
    long = "x" * 1000
    _, rejects = outcome(json_event(fields={"temperature": 99.5, "humidity": long}))

    assert (rejects[0]["field"], rejects[0]["value"]) == ("temperature", "99.5")
    assert rejects[0]["message"] == "air_temperature of simulator:sim-00001 is 99.5 degC; the most it can be is 85.0"
    assert rejects[1]["value"] == '"' + "x" * 199
    assert rejects[0]["mapping_id"] == "simulator_json"


def test_limits_of_a_range_belong_to_it(json_event, outcome):
    for temperature, humidity in ((-60, 0), (85, 100)):
        readings, rejects = outcome(json_event(fields={"temperature": temperature, "humidity": humidity}))
        assert not rejects
        assert (readings[0]["value"], readings[1]["value"]) == (temperature, humidity)
