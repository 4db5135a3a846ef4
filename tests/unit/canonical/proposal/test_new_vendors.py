"""Vendors nobody has seen: sample messages in, a spec out that loads, passes its examples and reads the right values.

Each vendor here is invented. `edits` are what a person changes after reading the lines that say `unsure`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cbor2
import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.examples import run_examples, unsaid
from canonical.proposal.propose import propose
from canonical.proposal.samples import SamplesError
from canonical.proposal.tried import events_of
from canonical.specs import load_spec

Found = tuple[str, str, str, Any]


@dataclass(frozen=True)
class Vendor:
    """Samples, what a person mends, and what must come out: (device, metric, channel, value) of some readings."""

    name: str
    files: Sequence[bytes]
    gives: Sequence[Found]
    edits: Sequence[tuple[str, str]] = ()
    whole: bool = False
    doubts: Sequence[str] = field(default_factory=tuple)
    count: int | None = None


def _lines(documents: Sequence[Any]) -> bytes:
    return "\n".join(json.dumps(document, ensure_ascii=False) for document in documents).encode()


FLAT = Vendor(
    "nordwind",
    [
        _lines(
            [
                {
                    "serialNo": f"NW-44{n}0917",
                    "ts": 1767225600000 + n * 300_000,
                    "tempF": 68.0 + 9 * n,
                    "rh": 40 + n,
                    "batt_mv": 3012 - n,
                    "doorOpen": n % 2 == 0,
                    "co2": None if n == 2 else 600 + n,
                    "fw": "1.2.3",
                    "seq": n,
                }
                for n in range(4)
            ]
        )
    ],
    gives=[
        ("nordwind:NW-4400917", "air_temperature", "", 20.0),
        ("nordwind:NW-4410917", "air_temperature", "", 25.0),
        ("nordwind:NW-4400917", "relative_humidity", "", 40.0),
        ("nordwind:NW-4410917", "battery_voltage", "", 3.011),
        ("nordwind:NW-4400917", "contact_state", "", "open"),
        ("nordwind:NW-4410917", "contact_state", "", "closed"),
        ("nordwind:NW-4410917", "co2", "", 601.0),
    ],
    doubts=["does true mean open", "each line was taken as a message"],
    count=19,
)
NESTED = Vendor(
    "quercus",
    [
        json.dumps(
            {
                "gateway": "qg-7",
                "sent": "2026-03-04T05:06:07Z",
                "TempUnit": "F",
                "nodes": [
                    {
                        "mac": "a8:17:58:ff:00:c2",
                        "at": 1772600000 + n,
                        "ports": [
                            {"port": 1, "temp": 212.0 - n if n else -196.6, "hum": 41.5},
                            {"port": 2, "temp": 50.0, "hum": 44.0},
                        ],
                    }
                    for n in range(2)
                ],
            }
        ).encode()
    ],
    gives=[
        ("quercus:a8:17:58:ff:00:c2", "air_temperature", "2", 10.0),
        ("quercus:a8:17:58:ff:00:c2", "relative_humidity", "1", 41.5),
    ],
)
CSV = Vendor(
    "altona",
    [
        (
            "Datum;Uhrzeit;Seriennummer;Temperatur (°C);Feuchte [%];CO2 (ppm);Durchfluss;Notiz\n"
            + "\n".join(
                f"{day}.03.2026;14:0{n}:30;ALT{n}00815;{21 + n},25;4{n},1;1.0{n}0;3,{n};Büro"
                for n, day in enumerate((13, 14, 2))
            )
            + "\n15.03.2026;14:03:30;ALT000815;---;48,5;900;3,3;Büro"
        ).encode("latin-1")
    ],
    gives=[
        ("altona:ALT000815", "air_temperature", "", 21.25),
        ("altona:ALT100815", "air_temperature", "", 22.25),
        ("altona:ALT000815", "relative_humidity", "", 40.1),
        ("altona:ALT100815", "co2", "", 1010.0),
    ],
    doubts=["the times name no zone", "latin-1"],
)
SENML = Vendor(
    "pinetree",
    [
        json.dumps(
            [
                {"bn": f"urn:dev:mac:0b7a12ff00c{n}:", "bt": 1767225600, "bu": "Cel", "n": "temp", "v": 21.5 + n},
                {"n": "hum", "u": "%RH", "v": 41},
                {"n": "door", "vb": True},
                {"n": "temp", "t": 60, "v": 22.5 + n},
            ]
        ).encode()
        for n in range(2)
    ],
    gives=[
        ("pinetree:urn:dev:mac:0b7a12ff00c0", "air_temperature", "", 21.5),
        ("pinetree:urn:dev:mac:0b7a12ff00c1", "air_temperature", "", 23.5),
        ("pinetree:urn:dev:mac:0b7a12ff00c1", "relative_humidity", "", 41.0),
        ("pinetree:urn:dev:mac:0b7a12ff00c0", "contact_state", "", "open"),
    ],
    count=8,
)
_UPLINK = {
    "end_device_ids": {"device_id": "brook-1", "dev_eui": "0004A30B001C0530"},
    "received_at": "2026-03-01T10:00:00Z",
    "uplink_message": {"f_port": 2, "f_cnt": 7, "rx_metadata": [{"rssi": -50, "snr": 9}]},
}


def _uplink(payload: str) -> bytes:
    message = {**_UPLINK["uplink_message"], "frm_payload": base64.b64encode(bytes.fromhex(payload)).decode()}
    return json.dumps({**_UPLINK, "uplink_message": message}).encode()


TLV = Vendor(
    "brookline",
    [_uplink("036710010468 5f".replace(" ", "")), _uplink("0367f20004685a0175 5c".replace(" ", ""))],
    gives=[
        ("brookline:0004A30B001C0530", "air_temperature", "", 27.2),
        ("brookline:0004A30B001C0530", "air_temperature", "", 24.2),
        ("brookline:0004A30B001C0530", "relative_humidity", "", 47.5),
        ("brookline:0004A30B001C0530", "battery_level", "", 92.0),
    ],
    doubts=["byte_order little", "the vendor's manual knows better"],
    count=5,
)
OWN_TLV = Vendor(
    "rookery",
    [b"\n".join(text.encode() for text in ("a10200e1b20129", "a10200e3b2012ac304000003e8", "a10200dfb2012b"))],
    gives=[
        ("rookery:device-1", "air_temperature", "", 22.5),
        ("rookery:device-1", "relative_humidity", "", 41.0),
        ("rookery:device-1", "energy", "", 1.0),
    ],
    # By the manual: a1 is the temperature in tenths, b2 the humidity, c3 a meter in Wh.
    edits=[
        ("{name: type_a1, type: int16}", "{name: type_a1, type: int16, scale: 0.1}"),
        ("metric: analog_input, channel: type_a1, path: type_a1, unit: dimensionless", "metric: air_temperature, path: type_a1, unit: degC"),
        ("metric: analog_input, channel: type_b2, path: type_b2, unit: dimensionless", "metric: relative_humidity, path: type_b2, unit: percent"),
        ("metric: analog_input, channel: type_c3, path: type_c3, unit: dimensionless", "metric: energy, path: type_c3, unit: Wh"),
    ],
    doubts=["only the vendor's manual says"],
    count=7,
)  # fmt: skip
PAIRS = Vendor(
    "kiln",
    [
        json.dumps(
            [
                {"station": "K-7", "when": "2026-01-02 10:00:00", "quantity": name, "value": value, "unit": unit}
                for name, value, unit in (
                    ("temperature", "21,5", "°C"),
                    ("humidity", "40,0", "%"),
                    ("air pressure", "1.013,2", "hPa"),
                    ("operator mood", "3,0", ""),
                    ("temperature", "n/a", "°C"),
                )
            ],
            ensure_ascii=False,
        ).encode()
    ],
    whole=True,
    gives=[
        ("kiln:K-7", "air_temperature", "", 21.5),
        ("kiln:K-7", "relative_humidity", "", 40.0),
        ("kiln:K-7", "air_pressure", "", 1013.2),
    ],
    doubts=["unmapped? operator mood"],
    count=3,
)
KEYS = Vendor(
    "sedge",
    [
        json.dumps(
            {
                "Time": "2026-01-02T10:00:00+01:00",
                "Id": "sedge-000417",
                "DS18-1": {"Temperature": 20.5, "Id": "x"},
                "DS18-2": {"Temperature": 127.99, "Id": "y"},
                "hourly": {"time": [1767225600, 1767229200, 1767232800], "soil_moisture": [0.31, 0.32, 0.33]},
            }
        ).encode()
    ],
    gives=[
        ("sedge:sedge-000417", "air_temperature", "DS18-1", 20.5),
        ("sedge:sedge-000417", "soil_moisture", "", 32.0),
    ],
    # Shares of one, which the values alone do not say; and the probes' own ids name no device here.
    edits=[
        (
            "path: '$.hourly.soil_moisture[@index]', unit: percent",
            "path: '$.hourly.soil_moisture[@index]', unit: dimensionless",
        )
    ],
)
CBOR = Vendor(
    "umber",
    [cbor2.dumps({"uid": "A1B2C3D4E5", "t": 1767225600, "T": 2150, "lat": 52.51234567, "lon": 13.37, "lux": 400})],
    gives=[
        ("umber:A1B2C3D4E5", "air_temperature", "", 21.5),
        ("umber:A1B2C3D4E5", "illuminance", "", 400.0),
        ("umber:A1B2C3D4E5", "longitude", "", 13.37),
    ],
    doubts=["the factor 0.01"],
    count=4,
)
UNNAMED = Vendor(
    "vetch",
    [b"7,2026-03-01T10:00:00Z,21.5\n8,2026-03-01T10:01:00Z,22.5\n"],
    gives=[("vetch:7", "air_temperature", "", 21.5), ("vetch:8", "air_temperature", "", 22.5)],
    # Without a line that names the columns a person has to.
    edits=[
        ("device: {source: vetch}", "device: {path: column1, source: vetch}"),
        ("metric: analog_input, channel: column3, path: column3, unit: dimensionless",
         "metric: air_temperature, path: column3, unit: degC"),
        ("  - {metric: analog_input, channel: column1, path: column1, unit: dimensionless, required: false}\n", ""),
    ],
    doubts=["name them here, in their order"],
    count=2,
)  # fmt: skip
VENDORS = [UNNAMED, FLAT, NESTED, CSV, SENML, TLV, OWN_TLV, PAIRS, KEYS, CBOR]


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_a_proposal_loads_passes_its_examples_and_reads_the_samples(vendor: Vendor, tmp_path: Path) -> None:
    proposal = propose(vendor.files, vendor.name, whole=vendor.whole)
    file = tmp_path / f"{vendor.name}.yaml"
    file.write_text(proposal.text)
    results = run_examples(load_spec(file))

    assert results
    assert [str(result) for result in results if not result.passed] == []
    for doubt in vendor.doubts:
        assert any(doubt in said for said in proposal.unsure), proposal.unsure

    text = proposal.text
    for before, after in vendor.edits:
        assert before in text, f"{before!r} is not in the proposal:\n{text}"
        text = text.replace(before, after)
    file.write_text(text)
    spec = load_spec(file)
    canonicaliser = Canonicaliser.of([spec])
    events = events_of(spec, vendor.files)
    readings = canonicaliser.convert(events).readings.to_pylist()
    found = {
        (
            row["device_id"],
            row["metric"],
            row["channel"],
            row["value_text"] if row["value"] is None else round(row["value"], 9),
        )
        for row in readings
    }
    assert set(vendor.gives) <= found, text
    assert vendor.count is None or len(readings) == vendor.count
    assert unsaid(events, canonicaliser) == ()


def test_a_file_that_begins_with_a_title_is_told_how_to_be_read() -> None:
    file = b'"Plot Title: Room 12"\n"#","Date Time","Temp"\n1,2026-11-20 23:50:00,21.5\n'

    with pytest.raises(SamplesError, match=r"is the first line no header\? \(`skip`\)"):
        propose([file], "logger")
