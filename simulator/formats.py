"""How a device writes a sample down: the two message formats of the simulated fleet.

Belongs here: the bytes of a good message and the envelope's words for them.
Does not: bad messages (`faults`), which are made from good ones, or how anyone reads them (`canonical`).
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from functools import lru_cache

from simulator.devices import Fleet, Format, Sample, TemperatureUnit

CONTENT_TYPE: dict[Format, str] = {"json": "application/json", "protobuf": "application/x-protobuf"}
SCHEMA: dict[Format, str] = {"json": "simulator.v1", "protobuf": "telemetry.v1"}

_TWO_DOUBLES = struct.Struct("<BdBd")
_DEVICE, _TIME, _TEMPERATURE, _HUMIDITY = 0x0A, 0x10, 0x19, 0x21
"""Tags of telemetry.v1: field number and wire type."""


def body(fleet: Fleet, n: int, sample: Sample) -> bytes:
    """The message of device `n` for `sample`: JSON text in UTF-8, or a serialized `Telemetry`."""
    name = fleet.names[n]
    time_ms, temperature, humidity, pressure, battery, latitude, longitude = sample
    if fleet.protobuf[n]:
        # What the generated class makes of it (a test holds them together), at a fifth of the time.
        return b"%c%c%b%c%b%b" % (
            _DEVICE,
            len(name),
            name.encode(),
            _TIME,
            _varint(time_ms),
            _TWO_DOUBLES.pack(_TEMPERATURE, round(temperature, 2), _HUMIDITY, round(humidity, 1)),
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
