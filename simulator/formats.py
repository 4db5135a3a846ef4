"""How a device writes a sample down: the message formats of the simulated fleet, JSON and three versions of protobuf.

Belongs here: the bytes of a good message and the envelope's words for them.
Does not: bad messages (`faults`), which are made from good ones, or how anyone reads them (`canonical`).
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from functools import lru_cache

from simulator.devices import Fleet, Format, Sample, TemperatureUnit

CONTENT_TYPE: dict[Format, str] = {"json": "application/json", "protobuf": "application/x-protobuf"}
SCHEMAS = ("simulator.v1", "telemetry.v1", "telemetry.v2", "telemetry.v3")
"""By the version of a device's protobuf message; first of JSON."""
SCHEMA: dict[Format, str] = {"json": SCHEMAS[0], "protobuf": SCHEMAS[1]}

_TWO_DOUBLES = struct.Struct("<BdBd")
_ONE_DOUBLE = struct.Struct("<Bd")
_DEVICE, _TIME, _TEMPERATURE, _HUMIDITY = 0x0A, 0x10, 0x19, 0x21
"""Tags of telemetry.v1: field number and wire type."""
_PRESSURE, _LOCATION, _LATITUDE, _LONGITUDE, _METADATA = 0x29, 0x32, 0x09, 0x11, 0x3A
_BATTERY, _SIGNAL, _CODES = 0x41, 0x48, 0x52
_ABOUT = b"\x0a\x08firmware\x12\x05"
"""The metadata's one entry, before the version number."""


def body(fleet: Fleet, n: int, sample: Sample) -> bytes:
    """The message of device `n` for `sample`: JSON text in UTF-8, or a serialized `Telemetry`."""
    name = fleet.names[n]
    time_ms, temperature, humidity, pressure, battery, latitude, longitude, _ = sample
    if fleet.protobuf[n]:
        more = _beyond_version_1(fleet, n, sample) if fleet.protobuf[n] > 1 else b""
        # What the generated class makes of it (a test holds them together), at a fifth of the time.
        return b"%c%c%b%c%b%b%b" % (
            _DEVICE,
            len(name),
            name.encode(),
            _TIME,
            _varint(time_ms),
            _TWO_DOUBLES.pack(_TEMPERATURE, round(temperature, 2), _HUMIDITY, round(humidity, 1)),
            more,
        )
    unit = fleet.units[n]
    if unit != "degC":
        temperature = in_unit(temperature, unit)
    seconds, ms = divmod(time_ms, 1000)
    place = f',"latitude":{latitude:.5f},"longitude":{longitude:.5f}' if fleet.moving[n] else ""
    return (
        f'{{"device":"{name}","time":"{_second(seconds)}.{ms:03d}Z"'
        f',"temperature":{temperature:.2f},"temperature_unit":"{unit}"'
        f',"humidity":{humidity:.1f},"pressure":{pressure:.1f},"battery":{battery:.3f}{place}}}'
    ).encode()


def _beyond_version_1(fleet: Fleet, n: int, sample: Sample) -> bytes:
    version = fleet.protobuf[n]
    parts = [_ONE_DOUBLE.pack(_PRESSURE, round(sample.pressure / 100, 1))]
    if fleet.moving[n]:
        place = _TWO_DOUBLES.pack(_LATITUDE, round(sample.latitude, 5), _LONGITUDE, round(sample.longitude, 5))
        parts.append(b"%c%c%b" % (_LOCATION, len(place), place))
    entry = b"%b%d.4.1" % (_ABOUT, version)
    parts.append(b"%c%c%b" % (_METADATA, len(entry), entry))
    if version > 2:
        signal = sample.signal
        zigzag = signal << 1 if signal >= 0 else (-signal << 1) - 1
        parts.append(_ONE_DOUBLE.pack(_BATTERY, round(sample.battery, 3)) + b"%c%b" % (_SIGNAL, _varint(zigzag)))
        if fleet.codes[n]:
            codes = _varint(fleet.codes[n])
            parts.append(b"%c%c%b" % (_CODES, len(codes), codes))
    return b"".join(parts)


def in_unit(celsius: float, unit: TemperatureUnit) -> float:
    """A temperature in another unit."""
    if unit == "degC":
        return celsius
    return celsius + 273.15 if unit == "K" else celsius * 1.8 + 32


@lru_cache(4096)
def _second(epoch_s: int) -> str:
    # A fleet's messages of an interval share its seconds.
    return datetime.fromtimestamp(epoch_s, UTC).replace(tzinfo=None).isoformat()


def _varint(number: int) -> bytes:
    coded = bytearray()
    while number > 0x7F:
        coded.append(number & 0x7F | 0x80)
        number >>= 7
    coded.append(number)
    return bytes(coded)
