"""What goes wrong with a message, and what should come of it.

Belongs here: the seven faults, their rates, and how a good message is spoiled. Each spoiled message carries its promise
(`Expected`), in the reason codes of `quality.contracts.reasons`.
Does not: which message is spoiled or repeated (`plan`).
"""

from __future__ import annotations

import json
import random
from bisect import bisect_right
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args

from google.protobuf.message import DecodeError

from canonical.schemas import telemetry_v1_pb2, telemetry_v2_pb2, telemetry_v3_pb2
from simulator.devices import Device, Format
from simulator.formats import in_unit
from simulator.manifest import Expected

Fault = Literal["corrupt", "duplicate", "conflict", "out_of_range", "late", "wrong_unit", "missing_field"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

LATE_HOURS = (1, 4, 26, 50)
"""How much earlier than its neighbours a late message was recorded."""

Spoiled = tuple[bytes, Expected]
_MESSAGES: tuple[Any, ...] = (
    None,
    telemetry_v1_pb2.Telemetry,
    telemetry_v2_pb2.Telemetry,
    telemetry_v3_pb2.Telemetry,
)
"""By version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultRates:
    """Share of all messages that carry each fault, 0 to 1; together at most 1.

    `duplicate` and `conflict` need an earlier good message of the device, `wrong_unit` one in JSON: where there is none
    the message is sent as a good one, so the shares found in a manifest may be a little below.
    """

    corrupt: float = 0.0
    duplicate: float = 0.0
    conflict: float = 0.0
    out_of_range: float = 0.0
    late: float = 0.0
    wrong_unit: float = 0.0
    missing_field: float = 0.0

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name, rate in self.shares():
            if not 0 <= rate <= 1:
                raise ValueError(f"fault rate {name}={rate} is no share; give a number from 0 to 1, such as 0.005")
        if sum(rate for _, rate in self.shares()) > 1 + 1e-9:
            raise ValueError("the fault rates add up to more than 1, and a message has at most one fault")

    def shares(self) -> list[tuple[Fault, float]]:
        """Every fault with its rate, in the order of `FAULTS`."""
        return [(fault, getattr(self, fault)) for fault in FAULTS]


NO_FAULTS = FaultRates()

TYPICAL = FaultRates(
    corrupt=0.004,
    duplicate=0.006,
    conflict=0.002,
    out_of_range=0.005,
    late=0.005,
    wrong_unit=0.002,
    missing_field=0.003,
)
"""A little of everything, for a demonstration."""

assert tuple(f.name for f in fields(FaultRates)) == FAULTS  # a rate for every fault, and no other


class Draw:
    """Turns a number from 0 to 1 into a fault or none, by the rates."""

    def __init__(self, rates: FaultRates) -> None:
        self._upto: list[float] = []
        self._faults: list[Fault] = []
        upto = 0.0
        for fault, rate in rates.shares():
            if rate > 0:
                upto += rate
                self._upto.append(upto)
                self._faults.append(fault)
        self.limit = upto
        """From here on there is no fault: the one comparison a good message costs."""

    def fault(self, number: float) -> Fault | None:
        """The fault for `number` in [0, 1)."""
        at = bisect_right(self._upto, number)
        return self._faults[at] if at < len(self._faults) else None


@cache
def good(readings: int, fault: Fault | None = None) -> Expected:
    """Every reading accepted; `late` ones are."""
    return Expected(outcome="accepted", accepted=readings, fault=fault)


@cache
def repeated(readings: int) -> Expected:
    """An exact resend: every reading is a duplicate."""
    return Expected(outcome="duplicate", duplicate=readings, fault="duplicate")


@cache
def contradicting(readings: int) -> Expected:
    """Same device and time, other values: every reading is quarantined."""
    return Expected(outcome="quarantined", quarantined=readings, reason="conflict", fault="conflict")


def corrupt(message: bytes, format_: Format, rng: random.Random, version: int = 1) -> Spoiled:
    """The message cut short, where it certainly cannot be read any more."""
    if format_ == "json":
        # An object without its closing brace is no JSON, wherever it ends.
        return message[: rng.randrange(1, len(message))], _rejected("invalid_json")
    while True:
        # A protobuf message cut between two fields is a good message with fewer fields: only the parser can tell.
        cut = message[: rng.randrange(1, len(message))]
        try:
            _MESSAGES[version].FromString(cut)
        except DecodeError:
            return cut, _rejected("invalid_protobuf")


def out_of_range(message: bytes, device: Device, rng: random.Random) -> Spoiled:
    """One value that its metric cannot have."""
    above = rng.random() < 0.5
    reason = "above_range" if above else "below_range"
    impossible = {
        "temperature": round(in_unit(150.0 if above else -120.0, device.temperature_unit), 2),
        "humidity": 131.0 if above else -4.0,
        "pressure": 131_000.0 if above else 21_000.0,
        "battery": 75.0 if above else -1.0,
        "latitude": 95.0 if above else -95.0,
        "longitude": 190.0 if above else -190.0,
        "signal_strength": 95 if above else -250,
    }
    field = rng.choice(_fields(device))
    value = impossible[field]
    if device.version and field == "pressure":
        value /= 100
    expected = _partial(device.readings, reason, "out_of_range")
    return _changed(message, device, {field: value}), expected


def wrong_unit(message: bytes, device: Device) -> Spoiled:
    """A temperature in pascal; JSON only, for protobuf has no field for the unit."""
    expected = _partial(device.readings, "unit_mismatch", "wrong_unit")
    return _changed(message, device, {"temperature_unit": "Pa"}), expected


def missing_field(message: bytes, device: Device, rng: random.Random) -> Spoiled:
    """One value not there, or null (JSON). A position or a signal may be missing, so it never is the one."""
    field = rng.choice(_REQUIRED[device.version])
    expected = _partial(device.readings, "missing_field", "missing_field")
    if device.format == "protobuf":
        telemetry = _MESSAGES[device.version].FromString(message)
        telemetry.ClearField(field)
        return telemetry.SerializeToString(deterministic=True), expected
    parsed = json.loads(message)
    if rng.random() < 0.5:
        parsed[field] = None
    else:
        del parsed[field]
    return _json(parsed), expected


_REQUIRED = (
    ("temperature", "humidity", "pressure", "battery"),
    ("temperature", "humidity"),
    ("temperature", "humidity", "pressure"),
    ("temperature", "humidity", "pressure", "battery"),
)
"""What every message holds, by the version of the protobuf message; first of JSON."""


def _fields(device: Device) -> tuple[str, ...]:
    """The fields of a device's good message that are numbers with limits."""
    place = ("latitude", "longitude") if device.moving else ()
    return (*_REQUIRED[device.version], *place, *(("signal_strength",) if device.version > 2 else ()))


def _changed(message: bytes, device: Device, change: dict[str, float | str]) -> bytes:
    if device.format == "json":
        return _json(json.loads(message) | change)
    telemetry = _MESSAGES[device.version].FromString(message)
    for field, value in change.items():
        setattr(telemetry.location if field in {"latitude", "longitude"} else telemetry, field, value)
    serialized: bytes = telemetry.SerializeToString(deterministic=True)
    return serialized


def _json(parsed: dict[str, object]) -> bytes:
    return json.dumps(parsed, separators=(",", ":")).encode()


@cache
def _rejected(reason: str) -> Expected:
    return Expected(outcome="quarantined", quarantined=1, reason=reason, fault="corrupt")


@cache
def _partial(readings: int, reason: str, fault: Fault) -> Expected:
    return Expected(outcome="partial", accepted=readings - 1, quarantined=1, reason=reason, fault=fault)
