"""How a device writes a sample down: the two message formats of the simulated fleet.

Belongs here: the bytes of a good message and the envelope's words for them.
Does not: bad messages (`faults`), which are made from good ones, or how anyone reads them (`canonical`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from canonical.schemas.telemetry_v1_pb2 import Telemetry
from simulator.devices import Device, Format, Sample

CONTENT_TYPE: dict[Format, str] = {"json": "application/json", "protobuf": "application/x-protobuf"}
SCHEMA: dict[Format, str] = {"json": "simulator.v1", "protobuf": "telemetry.v1"}
READINGS: dict[Format, int] = {"json": 4, "protobuf": 2}
"""Readings a good message holds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def body(device: Device, sample: Sample) -> bytes:
    """The message of `device` for `sample`: JSON text in UTF-8, or a serialized `Telemetry`."""
    if device.format == "protobuf":
        return _protobuf(device, sample)
    time = (_EPOCH + timedelta(milliseconds=sample.time_ms)).isoformat(timespec="milliseconds")
    return (
        f'{{"device":"{device.native_id}","time":"{time}Z"'
        f',"temperature":{in_unit(sample.temperature, device):.2f},"temperature_unit":"{device.temperature_unit}"'
        f',"humidity":{sample.humidity:.1f},"pressure":{sample.pressure:.1f},"battery":{sample.battery:.3f}}}'
    ).encode()


def in_unit(celsius: float, device: Device) -> float:
    """A temperature in the unit the device reports."""
    if device.temperature_unit == "degC":
        return celsius
    return celsius + 273.15 if device.temperature_unit == "K" else celsius * 1.8 + 32


def _protobuf(device: Device, sample: Sample) -> bytes:
    message = Telemetry(
        device=device.native_id,
        time_ms=sample.time_ms,
        temperature=round(sample.temperature, 2),
        humidity=round(sample.humidity, 1),
    )
    return message.SerializeToString(deterministic=True)
