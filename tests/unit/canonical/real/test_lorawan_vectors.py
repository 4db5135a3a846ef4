"""Published LoRaWAN payloads against what their publishers say they mean, name by name.

What is expected there is judged, not believed: where it is wrong, DISPUTED says why and how often.
"""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.real_data

Said = tuple[str, str, float | str]
"""Metric, channel, and value or text."""

NUMBERS: dict[str, tuple[str, str, float]] = {
    "battery": ("battery_level", "", 1),
    "temperature": ("air_temperature", "", 1),
    "temperature_chn1": ("air_temperature", "1", 1),
    "temperature_chn2": ("air_temperature", "2", 1),
    "humidity": ("relative_humidity", "", 1),
    "light": ("illuminance", "", 1),
    "illumination": ("illuminance", "", 1),
    "light_level": ("light_level", "", 1),
    "activity": ("motion_count_interval", "", 1),
    "co2": ("co2", "", 1),
    "tvoc": ("tvoc", "", 1),
    "pressure": ("air_pressure", "", 1),
    "vdd": ("battery_voltage", "", 0.001),
    "soundPeak": ("sound_level_peak", "", 1),
    "soundAvg": ("sound_level", "", 1),
    "hcho": ("formaldehyde", "", 1),
    "pm2_5": ("pm2_5", "", 1),
    "pm10": ("pm10", "", 1),
    "nh3": ("nh3", "", 1),
    "h2s": ("h2s", "", 1),
    "distance": ("distance", "", 0.001),
    "water_level": ("water_level", "", 0.01),
    "remaining": ("fill_level", "", 1),
    "moisture": ("soil_moisture", "", 1),
    "ec": ("conductivity", "", 1),
    "angle_x": ("tilt", "x", 1),
    "angle_y": ("tilt", "y", 1),
    "angle_z": ("tilt", "z", 1),
    "total_current": ("charge", "1", 1),
    "current": ("current", "1", 1),
    "current_chn1": ("current", "1", 1),
    "current_chn1_total": ("charge", "1", 1),
    "voltage": ("voltage", "", 1),
    "active_power": ("power", "", 1),
    "power_factor": ("power_factor", "", 0.01),
    "power_consumption": ("energy", "", 0.001),
    "gpio_counter_1": ("pulse_count", "1", 1),
    "valve_1_pulse": ("pulse_count", "1", 1),
    "valve_1_opening": ("valve_position", "1", 1),
    "pressure_2": ("pressure", "2", 1),
    "pulse": ("pulse_count", "1", 1),
    "water": ("analog_input", "meter", 1),
    "adc_1": ("analog_input", "1", 1),
    "LAF": ("sound_level", "", 1),
    "LAeq": ("sound_level", "mean", 1),
    "LAFmax": ("sound_level_peak", "", 1),
    "latitude": ("latitude", "", 1),
    "longitude": ("longitude", "", 1),
    "wind_speed": ("wind_speed", "", 1),
    "wind_direction": ("wind_direction", "", 1),
    "rainfall_total": ("rainfall", "", 1),
    "temperature_target": ("air_temperature_setpoint", "", 1),
    "people_count_all": ("people_count", "", 1),
    "people_in": ("people_in_interval", "", 1),
    "people_out": ("people_out_interval", "", 1),
    "total_in": ("people_in", "", 1),
    "total_out": ("people_out", "", 1),
    "period_in": ("people_in_interval", "", 1),
    "period_out": ("people_out_interval", "", 1),
    "total_counter_in": ("people_in", "line_1", 1),
    "total_counter_out": ("people_out", "line_1", 1),
    "periodic_counter_in": ("people_in_interval", "line_1", 1),
    "periodic_counter_out": ("people_out_interval", "line_1", 1),
    **{f"line_{n}_total_{way}": (f"people_{way}", f"line_{n}", 1) for n in range(1, 5) for way in ("in", "out")},
    **{f"line_{n}.0_total_{way}": (f"people_{way}", f"line_{n}", 1) for n in range(1, 5) for way in ("in", "out")},
    **{
        f"line_{n}_period_{way}": (f"people_{way}_interval", f"line_{n}", 1)
        for n in range(1, 5)
        for way in ("in", "out")
    },
    **{f"region_{n}_count": ("people_count", f"region_{n}", 1) for n in range(1, 17)},
    **{f"region_{n}_avg_dwell": ("dwell_time", f"region_{n}", 1) for n in range(1, 5)},
}
"""Name to metric, channel and factor."""

STATES: dict[str, tuple[str, str, dict[str, str]]] = {
    "pir": ("motion_state", "", {"trigger": "motion", "idle": "still"}),
    "leakage_status": ("water_leak_state", "", {"normal": "dry", "leak": "leak"}),
    "magnet_status": ("contact_state", "", {"open": "open", "close": "closed"}),
    "magnet_chn1": ("contact_state", "1", {"opened": "open", "closed": "closed"}),
    "magnet_chn2": ("contact_state", "2", {"opened": "open", "closed": "closed"}),
    "tamper_status": ("tamper_state", "", {"installed": "intact", "uninstalled": "tampered"}),
    "occupancy": ("occupancy_state", "", {"vacant": "vacant", "occupied": "occupied"}),
    "position": ("position_state", "", {"normal": "normal", "tilt": "tilt"}),
    "device_status": ("device_status", "", {"on": "on"}),
    "power": ("device_status", "", {"on": "on"}),
    "press": ("button_event", "", {"short": "single"}),
    "state": ("gas_state", "", {"normal": "clear"}),
    "valve_1": ("valve_state", "1", {"open": "open", "close": "closed"}),
    "gpio_1": ("digital_input", "1", {"high": "high", "low": "low"}),
    "socket_status": ("switch_state", "1", {"on": "on", "off": "off"}),
    "system_status": ("switch_state", "system", {"on": "on", "off": "off"}),
    "temperature_control_mode": ("operating_mode", "", {"heat": "heat", "cool": "cool"}),
    "current_sensor_status": ("device_error", "current_1", {"read failed": "read_error"}),
    "current_chn1_sensor_status": ("device_error", "current_1", {"read failed": "read_error"}),
    "motion_status": ("movement_state", "", {"moving": "moving"}),
    "geofence_status": ("geofence_state", "", {"unset": "unset"}),
    "liquid": (
        "fill_state",
        "",
        {
            "uncalibrated": "uncalibrated",
            "full": "full",
            "critical liquid level alert": "critical",
            "error": "error",
        },
    ),
    **{f"switch_{n}": ("switch_state", str(n), {"on": "on", "off": "off"}) for n in range(1, 9)},
}
"""Name to metric, channel and the words for its states."""

BY_MODEL: dict[str, dict[str, tuple[str, str, float]]] = {
    "am3": {"tvoc": ("air_quality_index", "", 0.01)},
    "ers2": {"pir": ("motion_count_interval", "", 1)},
    "em500-pp": {"pressure": ("pressure", "", 1)},
    "em500-smtc": {"temperature": ("soil_temperature", "", 1)},
    "wts": {"temperature": ("outdoor_air_temperature", "", 1)},
    "ws5": {"current": ("current", "", 0.001), "total_current": ("current", "", 0.001)},
}
"""Names that mean something else on models whose name begins so."""

AM300 = ("am307", "am307l", "am308", "am308l", "am319", "am319l")
BACKWARDS = "its history is written big-endian, at a time in 1976: 5,760 degrees are no measurement (too_old)"
HALVES = "the byte counts halves of a percent, the expectation cuts them off"
DISPUTED_UPLINKS: dict[str, tuple[int, str]] = {
    **dict.fromkeys(AM300, (6, BACKWARDS)),
    "em300-di": (5, HALVES),
    "em500-smtc": (5, HALVES),
    "em300-sld-zld": (1, "humidity of the history is 93 halves, not 79 %"),
    "wt201": (
        2,
        "one message repeats items: the first counts here, the last there; states of its history are not read",
    ),
}
"""Device, how many of its messages are not met, and what is wrong with what they expect."""
DISPUTED_EXAMPLES: dict[str, tuple[int, str]] = {
    "em400-tld": (1, "a frame for NB-IoT, with a header around the items: it does not come by LoRaWAN"),
    "em400-udl": (1, "a frame for NB-IoT, with a header around the items: it does not come by LoRaWAN"),
    "ws301": (1, "tamper 1 is uninstalled in the uplinks of the same device and in its manual"),
    **dict.fromkeys(
        ("ws501", "ws501-cn", "ws501-eu", "ws502", "ws502-cn"),
        (1, "the example counts switches that the model does not have"),
    ),
}


def wanted(model: str, values: dict[str, Any]) -> Iterator[tuple[str, Said]]:
    """What is expected, by its name, in the words of the catalogue; names that no metric has are passed over."""
    numbers = NUMBERS | next((own for start, own in BY_MODEL.items() if model.startswith(start)), {})
    for name, value in values.items():
        if name in STATES and isinstance(value, str):
            metric, channel, words = STATES[name]
            if value in words:
                yield name, (metric, channel, words[value])
        elif name in numbers and isinstance(value, int | float | str):
            metric, channel, factor = numbers[name]
            yield name, (metric, channel, float(value) * factor)


def met(said: Said, found: list[Said]) -> bool:
    """Whether a reading says so; numbers up to rounding."""
    metric, channel, value = said
    mine = [each for m, c, each in found if (m, c) == (metric, channel)]
    if isinstance(value, str):
        return value in mine
    return any(isinstance(each, float) and math.isclose(each, value, rel_tol=1e-6, abs_tol=1e-9) for each in mine)


def unmet(model: str, expected: list[dict[str, Any]], found: list[Said]) -> list[str]:
    """The names of what is expected and that no reading says."""
    return [name for values in expected for name, said in wanted(model, values) if not met(said, found)]


@pytest.fixture(scope="module")
def uplinks(real) -> list[dict[str, Any]]:
    path = real / "payloads" / "lorawan_uplinks.jsonl.gz"
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.fixture(scope="module")
def examples(real) -> list[dict[str, Any]]:
    path = real / "payloads" / "milesight_hex_examples.jsonl.gz"
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.fixture(scope="module")
def of_uplinks(uplinks, enqueued_json, made):
    """The envelopes as a webhook hands them on that names vendor and model in its headers."""
    named = [{"vendor": row["vendor"].lower(), "model": row["device"].lower()} for row in uplinks]
    return made(enqueued_json(zip([row["payload"] for row in uplinks], named, strict=True)))


@pytest.fixture(scope="module")
def of_examples(examples, enqueued_json, made):
    """The bytes in an envelope of ours."""
    envelope = {"cmd": "rx", "EUI": "A81758FFFE000001", "ts": 1795230000500, "fcnt": 1}
    named = [({**envelope, "data": row["hex"]}, {"vendor": "milesight", "model": row["model"]}) for row in examples]
    return made(enqueued_json(named))


def said(made) -> dict[int, list[Said]]:
    """Metric, channel and value of the readings of each event."""
    found: dict[int, list[Said]] = defaultdict(list)
    for row in made.readings.select(["sequence_number", "metric", "channel", "value", "value_text"]).to_pylist():
        value = row["value"] if row["value_text"] is None else row["value_text"]
        found[row["sequence_number"]].append((row["metric"], row["channel"], value))
    return found


def telemetry(result: Any) -> list[dict[str, Any]]:
    """The device's own values in an expected result; gateways come after it."""
    first = result[0] if isinstance(result, list) else result
    entries = first.get("telemetry", []) if isinstance(first, dict) else []
    return [entry.get("values", entry) for entry in ([entries] if isinstance(entries, dict) else entries)]


def test_what_becomes_of_each_vendors_uplinks(uplinks, of_uplinks):
    read = set(of_uplinks.readings.column("sequence_number").to_pylist())
    reasons: dict[int, set[str]] = defaultdict(set)
    for row in of_uplinks.rejects:
        reasons[row["sequence_number"]].add(row["reason"])

    outcomes = Counter((row["vendor"], number in read, *sorted(reasons[number])) for number, row in enumerate(uplinks))

    assert outcomes == {
        ("Elsys", True): 30,
        ("Milesight", True): 351,
        ("Milesight", True, "too_old"): 36,  # BACKWARDS
        ("Milesight", False, "no_readings"): 8,  # what a device or plan is, and no measurement
        ("Milesight", False, "no_mapping"): 23,  # commands to devices, and a status event without bytes
        ("Netvox", False, "no_mapping"): 143,
        ("Nwave", False, "no_mapping"): 36,
    }


def test_uplinks_say_what_is_expected_of_them(uplinks, of_uplinks):
    found = said(of_uplinks)
    judged, disputed = 0, Counter()
    for number, row in enumerate(uplinks):
        model, expected = row["device"].lower(), telemetry(row["result"])
        if row["vendor"] in {"Elsys", "Milesight"} and any(list(wanted(model, values)) for values in expected):
            judged += 1
            disputed[model] += bool(unmet(model, expected, found[number]))

    assert +disputed == {model: count for model, (count, _) in DISPUTED_UPLINKS.items()}
    assert judged == 406
    assert judged - disputed.total() == 357


def test_bytes_say_what_is_expected_of_them(examples, of_examples):
    found = said(of_examples)
    judged, disputed = 0, Counter()
    for number, row in enumerate(examples):
        decoded = row["decoded"] if isinstance(row["decoded"], dict) else {}
        expected = [decoded, *decoded.get("history", []), *decoded.get("data", [])]
        if any(list(wanted(row["model"], values)) for values in expected):
            judged += 1
            disputed[row["model"]] += bool(unmet(row["model"], expected, found[number]))

    assert +disputed == {model: count for model, (count, _) in DISPUTED_EXAMPLES.items()}
    assert judged == 214
    assert judged - disputed.total() == 206


def test_no_impossible_temperature_is_a_reading(uplinks, of_uplinks):
    hottest = max(value for found in said(of_uplinks).values() for metric, _, value in found if "temperature" in metric)

    assert hottest < 85
    assert any("5760.0" in json.dumps(row["result"]) for row in uplinks)


def test_the_time_is_the_envelopes_and_the_device_its_eui(uplinks, of_uplinks):
    made_of = {row["sequence_number"]: row for row in of_uplinks.readings.to_pylist() if row["index"] < 40}
    for number, row in enumerate(uplinks):
        if row["vendor"] == "Elsys":
            first = row["result"][0] if isinstance(row["result"], list) else row["result"]
            reading = made_of[number]
            assert reading["device_id"] == f"lorawan:{first['attributes']['eui'].lower()}"
            assert int(reading["recorded_at"].timestamp() * 1000) == first["telemetry"][0]["ts"]
