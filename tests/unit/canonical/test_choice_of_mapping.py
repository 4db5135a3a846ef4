"""Which mapping reads an event: properties, patterns, and the shape of the body."""

from __future__ import annotations

import json

import pytest

from canonical.canonicaliser import Canonicaliser

AT = "2026-11-21T03:00:00Z"
JSON = ["application/json"]


@pytest.fixture(scope="module")
def several(spec_of):
    def named(id_, **match):
        return spec_of(id=id_, device={"path": "id", "source": id_}, match={"content_type": JSON, **match})

    return Canonicaliser.of(
        [
            named("a_shape", has=["a.b"], lacks=["z"]),
            named("b_shape", has=["b"], equals={"kind": "x", "n": 1, "on": True}),
            named("c_any"),
            named("d_schema", schema_ref="d"),
            named("e_topic", patterns={"topic": "^tele/[^/]+/SENSOR$"}),
            named("f_schema_and_shape", schema_ref="d", has=["f"]),
        ]
    )


@pytest.mark.parametrize(
    ("fields", "envelope", "mapping"),
    [
        ({"a": {"b": 1}}, {}, "a_shape"),
        ({"a": {"b": None}}, {}, "c_any"),
        ({"a": {"b": 1}, "z": 0}, {}, "c_any"),
        ({"b": 1, "kind": "x", "n": 1.0, "on": True}, {}, "b_shape"),
        ({"b": 1, "kind": "y", "n": 1, "on": True}, {}, "c_any"),
        ({}, {}, "c_any"),
        ({"a": {"b": 1}}, {"schema_ref": "d"}, "d_schema"),
        ({"a": {"b": 1}, "f": 1}, {"schema_ref": "d"}, "f_schema_and_shape"),
        ({"a": {"b": 1}}, {"properties": [("topic", "tele/x/SENSOR")]}, "e_topic"),
        ({}, {"properties": [("topic", "tele/x/STATE")]}, "c_any"),
    ],
)
def test_those_that_ask_for_more_come_first(fields, envelope, mapping, several, json_event, outcome):
    body = json.dumps({"id": "a", "at": AT, "t": 1, **fields}).encode()

    readings, _ = outcome(json_event(body, **{"schema_ref": None, **envelope}), using=several)

    assert readings[0]["mapping_id"] == mapping


@pytest.mark.parametrize(("body", "reason"), [(b"{", "invalid_json"), (b"\xff", "invalid_utf8"), (b"", "empty_body")])
def test_a_body_of_no_shape_says_what_is_wrong_with_it(body, reason, spec_of, json_event, outcome):
    shaped = Canonicaliser.of([spec_of(match={"content_type": JSON, "has": ["x"]})])

    _, rejects = outcome(json_event(body, schema_ref=None), using=shaped)

    assert [row["reason"] for row in rejects.values()] == [reason]


def test_a_body_of_another_shape_has_no_mapping(spec_of, json_event, outcome):
    shaped = Canonicaliser.of([spec_of(match={"content_type": JSON, "has": ["x"]})])

    _, rejects = outcome(json_event(b'{"y":1}', schema_ref=None), using=shaped)

    assert rejects[-1]["reason"] == "no_mapping"


def test_two_hundred_mappings_are_told_apart(spec_of, json_event, outcome):
    match = {"content_type": JSON}
    many = Canonicaliser.of([spec_of(id=f"m{n}", match={**match, "schema_ref": f"s{n}"}) for n in range(200)])

    readings, _ = outcome(json_event(f'{{"id":"a","at":"{AT}","t":1}}'.encode(), schema_ref="s199"), using=many)

    assert readings[0]["mapping_id"] == "m199"


@pytest.mark.parametrize(
    ("topic", "case", "expected"),
    [
        ("zigbee2mqtt/Window-1", None, "vendor:Window-1"),
        ("zigbee2mqtt/Window-1", "lower", "vendor:window-1"),
        ("zigbee2mqtt/Window-1/set", None, "vendor:BRIDGE"),
        (None, "lower", "vendor:bridge"),
    ],
)
def test_a_property_may_name_the_device(topic, case, expected, spec_of, json_event, outcome):
    device = {
        "source": "vendor",
        "named_by": {"property": "topic", "pattern": "^zigbee2mqtt/([^/]+)$", "template": "{1}"},
        "gateway": True,
        "case": case,
    }
    vendor = Canonicaliser.of([spec_of(device=device)])
    properties = [("topic", topic)] if topic else []
    event = json_event(
        f'{{"at":"{AT}","t":1}}'.encode(), schema_ref="vendor", properties=properties, device_id="BRIDGE"
    )

    readings, _ = outcome(event, using=vendor)

    assert readings[0]["device_id"] == expected


def test_a_part_of_a_field_may_name_the_device(vendor_outcome):
    device = {"path": "n", "pattern": "^urn:dev:ow:([0-9a-f]+):", "source": "vendor"}
    body = {"n": "urn:dev:ow:10e2:temp", "at": AT, "t": 1}

    readings, _ = vendor_outcome(json.dumps(body), device=device)
    _, rejects = vendor_outcome(json.dumps({**body, "n": "temp"}), device=device)

    assert readings[0]["device_id"] == "vendor:10e2"
    assert rejects[-1]["reason"] == "missing_device"


def test_ids_written_in_capitals_are_not_another_device(vendor_outcome):
    device = {"path": "id", "source": "vendor", "case": "lower"}

    readings, rejects = vendor_outcome(f'{{"id":"A81B","at":"{AT}","t":1}}', {"device_id": "a81b"}, device=device)

    assert (readings[0]["device_id"], rejects) == ("vendor:a81b", {})
