"""Specs that share a vendor's layout and readings, and a vendor nobody has heard of."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.specs import SpecError, load_spec, load_specs

SHARED = """
decode:
  format: json
  payload:
    layouts:
      - patterns: {model: "^big"}
        layout:
          kind: tlv
          keys: [type]
          items:
            - {type: 0x21, fields: [{name: temperature, type: int16, scale: 0.01}]}
            - {type: 0x22, fields: [{name: open, type: uint8, bits: 7}]}
      - layout:
          kind: tlv
          byte_order: little
          keys: [channel, type]
          items:
            - {channel: 5, type: 0x21, fields: [{name: temperature, type: int16, scale: 0.01}]}
device: {source: lorawan, case: lower, gateway: true}
readings:
  - {metric: air_temperature, path: payload.temperature, unit: degC, required: false}
  - {metric: contact_state, path: payload.open, states: {"0": closed, "1": open}, required: false}
ignore: [rssi]
"""
OWN = """
id: quux_{name}
version: 1
description: Sensors of a vendor that is not in the repository.
extends: shared/quux.yaml
match: {{content_type: [application/json], properties: {{vendor: quux}}, has: [{eui}]}}
decode: {{payload: {{path: {data}, encoding: {encoding}}}}}
device: {{path: {eui}}}
time: {{fallback: envelope}}
ignore: [note]
"""
PLACES = {"one": ("eui", "data", "base64"), "two": ("device.id", "message.bytes", "hex")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "quux.yaml").write_text(SHARED)
    for name, (eui, data, encoding) in PLACES.items():
        (tmp_path / f"{name}.yaml").write_text(OWN.format(name=name, eui=eui, data=data, encoding=encoding))
    return tmp_path


def test_a_vendor_nobody_has_heard_of_is_read_by_yaml_alone(folder, table, json_event):
    payload = bytes.fromhex("2108fc2280")  # 23.00 degrees, open
    small = bytes.fromhex("05210cfe")  # -5.00 degrees
    bodies = [
        ({"eui": "A1", "data": base64.b64encode(payload).decode()}, "big-2"),
        ({"device": {"id": "A2"}, "message": {"bytes": payload.hex()}}, "big-2"),
        ({"device": {"id": "A3"}, "message": {"bytes": small.hex().upper()}}, "small"),
        ({"device": {"id": "A4"}, "message": {"bytes": payload.hex()[:-2]}}, "big-2"),
    ]
    properties = [[("vendor", "quux"), ("model", model)] for _, model in bodies]
    events = [
        json_event(json.dumps(body).encode(), schema_ref=None, properties=named)
        for (body, _), named in zip(bodies, properties, strict=True)
    ]

    converted = Canonicaliser.of(load_specs(folder)).convert(table(events))

    assert {(row["device_id"], row["value"], row["value_text"]) for row in converted.readings.to_pylist()} == {
        ("lorawan:a1", 23.0, None),
        ("lorawan:a1", None, "open"),
        ("lorawan:a2", 23.0, None),
        ("lorawan:a2", None, "open"),
        ("lorawan:a3", -5.0, None),
    }
    assert [(row["sequence_number"], row["reason"]) for row in converted.rejects.to_pylist()] == [(3, "bad_payload")]


def test_the_files_own_words_win_and_ignore_is_joined(folder):
    (folder / "one.yaml").write_text((folder / "one.yaml").read_text() + "number: {decimal: ','}\n")
    (folder / "shared" / "quux.yaml").write_text(SHARED + "number: {decimal: '.'}\ninterval: 60s\n")

    spec = load_spec(folder / "one.yaml")

    assert (spec.number.decimal, spec.interval, spec.ignore) == (",", "60s", ("note", "rssi"))
    assert (spec.device.path, spec.device.case) == ("eui", "lower")


def test_an_error_in_what_is_shared_names_its_file_and_line(folder):
    (folder / "shared" / "quux.yaml").write_text(SHARED.replace("unit: degC", "unit: degX"))

    with pytest.raises(SpecError, match=r"one.yaml\) line 5: .*degX.*\(shared/quux.yaml line 21\)"):
        load_spec(folder / "one.yaml")


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("../quux.yaml", "name a file in this folder or below it"),
        ("/etc/quux.yaml", "name a file in this folder or below it"),
        ("shared/none.yaml", "shared/none.yaml cannot be read"),
        ("one.yaml", "extends no other file"),
        ("[a]", "name a file in this folder or below it"),
    ],
)
def test_what_cannot_be_extended_is_an_error_in_its_line(folder, named, says):
    (folder / "three.yaml").write_text(
        (folder / "two.yaml").read_text().replace("extends: shared/quux.yaml", f"extends: {named}")
    )

    with pytest.raises(SpecError, match=rf"three.yaml line 5: extends: .*{says}"):
        load_spec(folder / "three.yaml")


def test_a_layouts_pattern_has_to_be_a_regular_expression(folder):
    (folder / "shared" / "quux.yaml").write_text(SHARED.replace('"^big"', '"^big("'))

    with pytest.raises(SpecError, match="not a regular expression"):
        load_spec(folder / "one.yaml")
