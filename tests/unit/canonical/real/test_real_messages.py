"""Captured messages of home gateways against what plain Python reads in them."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.real_data

ENQUEUED = datetime(2026, 11, 21, 3, 0, 1, tzinfo=UTC)
ZIGBEE = {
    "temperature": ("air_temperature", "", 1),
    "humidity": ("relative_humidity", "", 1),
    "pressure": ("air_pressure", "", 1),
    "battery": ("battery_level", "", 1),
    "voltage": ("battery_voltage", "", 0.001),
    "linkquality": ("link_quality", "", 1),
    "brightness": ("brightness_command", "", 100 / 254),
    "strength": ("vibration_strength", "", 1),
    "angle_x": ("tilt", "x", 1),
    "angle_y": ("tilt", "y", 1),
    "angle_z": ("tilt", "z", 1),
}
ZIGBEE_STATES = {
    ("contact", True): ("contact_state", "closed"),
    ("contact", False): ("contact_state", "open"),
    ("vibration", True): ("vibration_state", "vibration"),
    ("state", "ON"): ("switch_state", "on"),
}
METER = {
    "Total": "energy",
    "Power": "power",
    "ApparentPower": "apparent_power",
    "ReactivePower": "reactive_power",
    "Factor": "power_factor",
    "Voltage": "voltage",
    "Current": "current",
}
ROOT = {"UptimeSec": "uptime", "Vcc": "supply_voltage", "Dimmer": "brightness_command", **METER}
SENSOR = {
    "Temperature": "air_temperature",
    "AMBTMP": "air_temperature",
    "OBJTMP": "surface_temperature",
    "DewPoint": "dew_point",
    "Humidity": "relative_humidity",
    "Illuminance": "illuminance",
    "CarbonDioxide": "co2",
    "eCO2": "co2",
    "TVOC": "tvoc",
    "Resistance": "gas_sensor_resistance",
    "Battery": "battery_level",
    "A0": "analog_input",
}
IN_DEGREES = {"Temperature", "AMBTMP", "OBJTMP", "DewPoint"}
DISTANCE = {"SR04": 0.01, "LD2410S": 0.01, "VL53L0X": 0.001, "VL53L1X": 0.001}


def test_a_house_of_zigbee_devices(real, published, made, total, same) -> None:
    messages = json.loads(gzip.decompress((real / "payloads" / "zigbee2mqtt_messages.json.gz").read_bytes()))
    found = made(published((f"zigbee2mqtt/{one['topic']}", one["payload"]) for one in messages))

    wanted, texts = defaultdict(list), Counter()
    for one in messages:
        name, said = one["topic"], one["payload"]
        if name.endswith(("/availability", "bridge/state")):
            word = said["state"] if isinstance(said, dict) else said
            texts[f"zigbee2mqtt:{name.rpartition('/')[0]}", "connection_state", "", word.lower()] += 1
            continue
        for key, value in said.items() if isinstance(said, dict) else ():
            if key in ZIGBEE:
                metric, channel, times = ZIGBEE[key]
                if key == "temperature" and "vibration" in said:
                    metric = "device_temperature"
                at = datetime.fromisoformat(said["last_seen"])
                wanted[f"zigbee2mqtt:{name}", metric, channel].append((at, value * times))
            elif isinstance(value, str | bool) and (key, value) in ZIGBEE_STATES:
                metric, text = ZIGBEE_STATES[key, value]
                texts[f"zigbee2mqtt:{name}", metric, "", text] += 1
    # The bridge's list of devices is no object; a remote and a lamp say nothing but when they were seen.
    assert found.reasons() == {("invalid_json", "body"): 1, ("no_readings", None): 2}
    assert found.outcomes() == {"accepted": 24, "partial": 0, "quarantined": 3, "lost": 0}
    assert found.texts() == texts
    same(found.totals(), {key: total.of(readings) for key, readings in wanted.items()})


def test_tasmota_telemetry_of_many_sensors(real, published, made, total, same) -> None:
    files = [real / "payloads" / name for name in ("tasmota_tele.jsonl.gz", "tasmota_malformed.txt.gz")]
    whole, broken = (gzip.decompress(file.read_bytes()).splitlines() for file in files)
    found = made(published(("tele/one/SENSOR", line) for line in [*whole, *broken]))

    wanted, texts, refused = defaultdict(list), Counter(), Counter()
    device, silent = "tasmota:one", 0
    for line in whole:
        said = json.loads(line)
        at = datetime.fromisoformat(said["Time"]).replace(tzinfo=ZoneInfo("Europe/Amsterdam"))
        assert said.get("Epoch", at.timestamp()) == at.timestamp()
        values, words, wrong = _read(said)
        for metric, channel, value in values:
            wanted[device, metric, channel].append((at, value))
        texts.update((device, *word) for word in words)
        refused.update(wrong)
        silent += not values and not words and not wrong
    refused["no_readings", None] = silent
    refused["invalid_json", "body"] = len(broken)
    assert refused == {
        ("missing_field", "$.TempUnit"): 3,
        ("unknown_state", "@value"): 2,
        ("no_readings", None): 14,
        ("invalid_json", "body"): 4,
    }
    assert found.reasons() == refused
    assert found.outcomes() == {"accepted": 60, "partial": 2, "quarantined": 20, "lost": 0}
    assert found.texts() == texts
    same(found.totals(), {key: total.of(readings) for key, readings in wanted.items()})


def _read(said):
    """Numbers (metric, channel, value), texts (metric, channel, text), and what is refused."""
    values = [(metric, "", float(said[key])) for key, metric in ROOT.items() if key in said]
    values += [(METER[key], "", float(value)) for key, value in said.get("ENERGY", {}).items() if key in METER]
    values += [("link_quality", "", float(said["Wifi"]["RSSI"]))] if "Wifi" in said else []
    words, wrong = [], []
    for name, entry in said.items():
        if name.startswith(("POWER", "Switch")):
            known = entry in {"ON", "OFF"}
            words += [("switch_state", name, entry.lower())] if known else []
            wrong += [] if known else [("unknown_state", "@value")]
        if isinstance(entry, dict):
            values += _numbers(name, entry, "TempUnit" in said)
            words += _words(name, entry)
            wrong += [("missing_field", "$.TempUnit") for key in entry if key in IN_DEGREES and "TempUnit" not in said]
    return values, words, wrong


def _numbers(name, entry, has_unit):
    for key, value in entry.items():
        if key in SENSOR and (has_unit or key not in IN_DEGREES):
            chip = key == "Temperature" and name in {"ESP32", "MPU6050"}
            channel = f"{name}-equivalent" if key == "eCO2" else name
            yield "device_temperature" if chip else SENSOR[key], channel, float(value)
        elif key == "Distance" and name.partition("_")[0] in DISTANCE:
            yield "distance", name, value * DISTANCE[name.partition("_")[0]]
        elif key == "Distance" and name == "AS3935":
            yield "lightning_distance", name, float(value)
        elif key == "RSSI" and name == "IBEACON":
            yield "signal_strength", entry["MAC"], float(value)


def _words(name, entry):
    for key, value in entry.items():
        if key == "UID":
            yield "tag_event", name, value
        elif key in {"Up", "Down", "Left", "Right"}:
            yield "gesture_event", name, key.lower()
        elif key[0] == "D" and key[1:].isdigit():
            yield "digital_input", key, "high" if value else "low"
