"""Bytes that come to JSON documents: layouts, payloads in envelopes, CBOR, SenML, as mappings see them."""

from __future__ import annotations

import base64
import json

import cbor2
import pytest

AT = "2026-11-21T03:00:00Z"
T = {"metric": "air_temperature", "path": "t", "unit": "degC"}
IN_PAYLOAD = {**T, "path": "payload.t"}
LAYOUT = {"kind": "fixed", "fields": [{"name": "t", "type": "int16", "scale": 0.1}]}
OTHER = {"kind": "fixed", "fields": [{"name": "t", "type": "int8"}]}
HISTORY = {
    "kind": "tlv",
    "keys": ["type"],
    "items": [{"type": 1, "list": "history", "fields": [{"name": "t", "type": "int8"}]}],
}


def _payload(**payload):
    return {"decode": {"format": "json", "payload": {"path": "data", **payload}}, "readings": [IN_PAYLOAD]}


def _uplink(data, **fields):
    return {"id": "a", "at": AT, "data": data, **fields}


def test_a_payload_is_read_inside_its_envelope(read):
    cases = [
        {"when": {"path": "port", "is": [1]}, "layout": LAYOUT},
        {"layout": OTHER, "when": {"path": "port", "is": 2}},
    ]

    readings, rejects = read(
        _payload(layouts=cases),
        _uplink("AOI=", port=1),
        _uplink("AOI", port=1),
        _uplink("BQ==", port=2),
        _uplink("BQ==", port=3),
        _uplink("A!==", port=1),
        _uplink("AA==", port=1),
        {**_uplink(None, port=1), "payload": {"t": 9}},
        "{",
        f' {{"payload":{{"t":99}},\n"id":"a","at":"{AT}","data":"AOI=","port":1}}',
    )

    assert [(row[0], row[-1]) for row in readings] == [(0, 22.6), (1, 22.6), (2, 5.0), (6, 9.0), (8, 22.6)]
    assert rejects == [
        *((3, 0, "missing_field"), (4, -1, "bad_payload"), (5, -1, "bad_payload"), (7, -1, "invalid_json")),
    ]


def test_a_bad_payload_still_says_whose_it_is(spec_of, json_event, outcome):
    from canonical.canonicaliser import Canonicaliser

    vendor = Canonicaliser.of([spec_of(**_payload(layout=LAYOUT))])

    _, rejects = outcome(json_event(json.dumps(_uplink("AA==")).encode(), schema_ref="vendor"), using=vendor)

    assert rejects[-1]["device_id"] == "vendor:a"


def test_hex_and_cbor_payloads(read):
    body = cbor2.dumps({"t": 4})

    readings, _ = read(_payload(layout=LAYOUT, encoding="hex"), _uplink("00e2"))
    assert readings[0][-1] == 22.6
    readings, rejects = read(_payload(format="cbor"), _uplink(base64.b64encode(body).decode()), _uplink("/w=="))
    assert readings[0][-1] == 4.0
    assert rejects[0][0] == 1


def test_arrays_of_a_payload_are_taken_apart(read):
    parts = _payload(layout=HISTORY, encoding="hex") | {
        "readings": [],
        "records": [{"each": "payload.history[*]", "readings": [{**T, "channel": {"path": "@index"}}]}],
    }

    readings, rejects = read(parts, _uplink("01050106"), _uplink("0105FF"), _uplink("01"))

    assert [(event, index, value) for event, index, *_, value in readings] == [(0, 0, 5.0), (0, 1, 6.0)]
    assert rejects == [(1, -1, "bad_payload"), (2, -1, "bad_payload")]


def test_payloads_of_a_list_of_envelopes(read):
    parts = _payload(layout=LAYOUT, encoding="hex") | {}
    parts["decode"] = {**parts["decode"], "format": "json_array"}

    readings, rejects = read(parts, [_uplink("00e2"), _uplink("00"), _uplink("00e3")])

    assert [(index, value) for _, index, *_, value in readings] == [(0, 22.6), (2, 22.7)]
    assert rejects == [(0, 1, "bad_payload")]


def test_a_body_may_be_the_payload(read):
    parts = {
        "decode": {"format": "binary", "layout": LAYOUT},
        "device": {"source": "v"},
        "time": {"fallback": "envelope"},
    }

    readings, rejects = read(parts, b"\x00\xe2", b"\x00", envelope={"device_id": "d1"})

    assert readings == [(0, 0, "d1", "air_temperature", "", 22.6)]
    assert rejects == [(1, -1, "bad_payload")]


def test_cbor_is_read_like_the_json_it_stands_for(read):
    good = {"id": "a", "at": AT, "t": 5}

    readings, rejects = read({"decode": {"format": "cbor"}}, cbor2.dumps(good), b"\xff", cbor2.dumps([good]))
    assert (readings[0][-1], rejects) == (5.0, [(1, -1, "invalid_cbor"), (2, -1, "invalid_json")])
    readings, rejects = read({"decode": {"format": "cbor", "rows": "many"}}, cbor2.dumps([good, good, 3]))
    assert ([row[1] for row in readings], rejects) == ([0, 1], [(0, 2, "invalid_json")])


SENML = {
    "device": {"source": "s", "path": "n", "pattern": "^(.*):[^:]+$"},
    "time": {"path": "time", "formats": ["iso", "age_s"], "fallback": "envelope"},
    "readings": [
        {
            "path": "v",
            "metric_path": "n",
            "metric_pattern": "([^:]+)$",
            "metrics": {"temperature": "air_temperature", "humidity": "relative_humidity"},
            "unit_path": "u",
            "units": {"Cel": "degC", "%RH": "percent"},
        }
    ],
}
PACK = [
    {"bn": "urn:1:", "bt": 1795230000, "n": "temperature", "u": "Cel", "v": 20.5},
    {"n": "humidity", "u": "%RH", "v": 40},
    {"n": "soot", "u": "Cel", "v": 1},
]


@pytest.mark.parametrize("format_", ["senml_json", "senml_cbor"])
def test_senml_packs_are_lists_of_records(format_, read):
    labels = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2}
    dump = cbor2.dumps if format_ == "senml_cbor" else lambda pack: json.dumps(pack).encode()
    pack = [{labels[k]: v for k, v in r.items()} for r in PACK] if format_ == "senml_cbor" else PACK

    readings, rejects = read({**SENML, "decode": {"format": format_}}, dump(pack), dump({"n": "x"}))

    assert readings == [
        (0, 0, "urn:1", "air_temperature", "", 20.5),
        (0, 4, "urn:1", "relative_humidity", "", 40.0),
    ]
    assert rejects == [(0, 8, "unknown_metric"), (1, -1, "invalid_senml")]
