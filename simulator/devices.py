"""The simulated devices: who they are and what they measure at an instant.

Belongs here: the physics, such as it is (daily cycle, noise, a battery that runs down, a round trip), always well
inside the limits of the metric catalogue. The same seed gives the same fleet and the same values.
Does not: how a measurement is written down (`formats`), what goes wrong with it (`faults`), when it is sent (`plan`).

A fleet is columns and not objects: a hundred thousand devices are made in a second and take some tens of megabytes.
"""

from __future__ import annotations

import math
import random
import struct
from array import array
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

from simulator import patterns
from simulator.patterns import PATTERNS, Pattern, Patterns

Format = Literal["json", "protobuf"]
TemperatureUnit = Literal["degC", "degF", "K"]

_DAY_MINUTES = 1440
# One table look-up instead of a sine and a Gaussian per reading: the simulator has to outrun the SDK it feeds.
_DAY = tuple(math.sin(2 * math.pi * minute / _DAY_MINUTES) for minute in range(_DAY_MINUTES))
_NOISE_MASK = 4095
_gauss = random.Random("noise").gauss  # noqa: S311 - reproducible noise, not a secret
_NOISE = tuple(max(-3.0, min(3.0, _gauss(0.0, 1.0))) for _ in range(_NOISE_MASK + 1))
_UNITS: tuple[TemperatureUnit, ...] = ("degC", "degC", "degF", "degC", "degC", "K", "degC")
_DRAWS = struct.Struct("<16I")
_READINGS = (4, 2, 3, 5)
"""Of a device that stands still and has no fault, by the version of its protobuf message; first of JSON."""
_STEP_MS = 5_000
"""A round trip takes 1,440 of these: two hours."""


class Sample(NamedTuple):
    """What a device measures at an instant, in degC, percent, Pa, V, degrees and dBm; who stands still is at 0, 0."""

    time_ms: int
    temperature: float
    humidity: float
    pressure: float
    battery: float
    latitude: float = 0.0
    longitude: float = 0.0
    signal: int = 0

    def contradicted(self) -> Sample:
        """The same instant with every value another one, still plausible."""
        return Sample(
            self.time_ms,
            self.temperature + 1.5,
            self.humidity + 2.0,
            self.pressure + 150,
            self.battery + 0.1,
            self.latitude + 0.01,
            self.longitude + 0.01,
            self.signal + 3,
        )


class Device(NamedTuple):
    """How one device of a fleet speaks."""

    native_id: str
    format: Format
    temperature_unit: TemperatureUnit
    """Of what it sends."""
    moving: bool
    """It sends its position too."""
    readings: int
    """Readings a good message of it holds."""
    version: int
    """Of its protobuf message; 0 of one that speaks JSON."""
    pattern: Pattern


class Fleet:
    """Devices 0, 1, 2 …, each attribute a column with a value for each."""

    def __init__(
        self,
        *,
        devices: int,
        protobuf_share: float,
        interval_ms: int,
        seed: int,
        moving_share: float = 0.0,
        weights: Patterns = patterns.DAILY,
        protobuf_versions: tuple[int, ...] = (1,),
    ) -> None:
        """`protobuf_share` of them, spread evenly, speak protobuf, in turns of its versions.

        Of the others, and of those whose version has a position, `moving_share` move.
        """
        self.interval_ms = interval_ms
        self.names = [f"sim-{n + 1:05d}" for n in range(devices)]
        self.protobuf = bytearray(devices)
        """Version of its protobuf message; 0 of one that speaks JSON."""
        self.codes = array("H", bytes(2 * devices))
        """The fault that a device has all the time; 0 of one that has none, or cannot say so."""
        self._signals = array("b", bytes(devices))
        self.moving = bytearray(devices)
        self.readings = bytearray(devices)
        self.units: list[TemperatureUnit] = []
        self.phases = array("q")
        """Milliseconds into the interval at which each reports: a fleet does not report in step."""
        self._patterns = bytearray(devices)
        self._turns = array("q")
        self._peaks, self._noises = array("q"), array("q")
        self._temperatures, self._swings, self._humidities = array("d"), array("d"), array("d")
        self._pressures, self._batteries, self._drains = array("d"), array("d"), array("d")
        self._latitudes, self._longitudes = array("d"), array("d")
        self._usual = weights == patterns.DAILY
        with_place = with_protobuf = 0
        for n in range(devices):
            version = 0
            if _falls_on(n, protobuf_share):
                version = protobuf_versions[with_protobuf % len(protobuf_versions)]
                with_protobuf += 1
            moving = version != 1 and _falls_on(with_place, moving_share)
            with_place += version != 1
            self.protobuf[n], self.moving[n] = version, moving
            # Telemetry in protobuf has no unit: its temperature is in degC.
            self.units.append("degC" if version else _UNITS[n % len(_UNITS)])
            draws = _DRAWS.unpack(blake2b(b"%d/device/%d" % (seed, n)).digest())
            self.phases.append(draws[0] % interval_ms)
            self._temperatures.append(_between(17.0, 25.0, draws[1]))
            self._swings.append(_between(0.5, 4.0, draws[2]))
            self._humidities.append(_between(35.0, 60.0, draws[3]))
            self._pressures.append(_between(98_500.0, 102_500.0, draws[4]))
            self._batteries.append(_between(3.3, 3.7, draws[5]))
            self._drains.append(_between(1e-7, 8e-7, draws[6]))
            self._peaks.append(draws[7] % _DAY_MINUTES)
            self._noises.append(draws[8] & _NOISE_MASK)
            self._latitudes.append(_between(-55.0, 65.0, draws[9]))
            self._longitudes.append(_between(-170.0, 170.0, draws[10]))
            self._turns.append(draws[11])
            if version == 3:
                self._signals[n] = -50 - draws[13] % 45
                self.codes[n] = 1 + draws[14] % 400 if draws[15] % 5 == 0 else 0
            self.readings[n] = _READINGS[version] + 2 * moving + bool(self.codes[n])
            if not self._usual:
                self._patterns[n] = PATTERNS.index(weights.draw(draws[12] / 2**32))
        self._silent = [n for n in range(devices) if self._patterns[n] == _GAPS]

    def __len__(self) -> int:
        return len(self.names)

    def device(self, n: int) -> Device:
        """All about how one speaks, for what is seldom done."""
        return Device(
            self.names[n],
            "protobuf" if self.protobuf[n] else "json",
            self.units[n],
            bool(self.moving[n]),
            self.readings[n],
            self.protobuf[n],
            PATTERNS[self._patterns[n]],
        )

    def sample(self, n: int, tick: int, time_ms: int) -> Sample:
        """What device `n` measures at `time_ms` (epoch milliseconds), its `tick`-th instant."""
        cycle = _DAY[(time_ms // 60_000 + self._peaks[n]) % _DAY_MINUTES]
        at = tick + self._noises[n]
        latitude = longitude = 0.0
        if self.moving[n]:
            step = time_ms // _STEP_MS + self._peaks[n]
            latitude = self._latitudes[n] + 0.02 * _DAY[step % _DAY_MINUTES]
            longitude = self._longitudes[n] + 0.03 * _DAY[(step + _DAY_MINUTES // 4) % _DAY_MINUTES]
        sample = Sample(
            time_ms,
            self._temperatures[n] + self._swings[n] * cycle + 0.06 * _NOISE[at & _NOISE_MASK],
            self._humidities[n] - 5.0 * cycle + 0.4 * _NOISE[(at * 3 + 1) & _NOISE_MASK],
            self._pressures[n]
            + 120.0 * _DAY[(time_ms // 120_000) % _DAY_MINUTES]
            + 4.0 * _NOISE[(at * 5 + 2) & _NOISE_MASK],
            max(2.4, self._batteries[n] - self._drains[n] * tick) + 0.003 * _NOISE[(at * 7 + 3) & _NOISE_MASK],
            latitude,
            longitude,
            self._signals[n] and self._signals[n] + at % 3,
        )
        return sample if self._usual or not self._patterns[n] else self._troubled(n, tick, sample)

    def _troubled(self, n: int, tick: int, sample: Sample) -> Sample:
        pattern, turn = PATTERNS[self._patterns[n]], self._turns[n]
        if pattern == "drift":
            off = min(patterns.DRIFT_AT_MOST, patterns.DRIFT_PER_READING * tick)
            return sample._replace(temperature=sample.temperature + off, humidity=sample.humidity - off)
        if pattern == "spikes" and (tick + turn) % patterns.SPIKE_EVERY == 0:
            up = patterns.SPIKE
            return sample._replace(temperature=sample.temperature + up, humidity=sample.humidity + up)
        if pattern == "stuck" and 0 < (since := (tick + turn) % patterns.STUCK_EVERY) < patterns.STUCK_FOR:
            then = self.sample(n, tick - since, sample.time_ms - since * self.interval_ms)
            return sample._replace(temperature=then.temperature, humidity=then.humidity, pressure=then.pressure)
        return sample

    @property
    def has_gaps(self) -> bool:
        """Whether any device leaves out messages."""
        return bool(self._silent)

    def silent(self, n: int, tick: int) -> bool:
        """Whether device `n` leaves out its `tick`-th message."""
        return self._patterns[n] == _GAPS and patterns.silent(tick, self._turns[n])

    def messages(self, ticks: int) -> int:
        """How many messages the fleet sends in its first `ticks` intervals."""
        return len(self) * ticks - sum(patterns.silences(ticks, self._turns[n]) for n in self._silent)

    def ticks(self, messages: int) -> int:
        """The fewest intervals in which it sends so many."""
        low, high = -(-messages // len(self)), 2 * (-(-messages // len(self))) + 2 * patterns.SILENT_EVERY
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.messages(middle) >= messages else (middle + 1, high)
        return low


@lru_cache(maxsize=2)
def fleet(
    *,
    devices: int,
    protobuf_share: float,
    interval_ms: int,
    seed: int,
    moving_share: float = 0.0,
    weights: Patterns = patterns.DAILY,
    protobuf_versions: tuple[int, ...] = (1,),
) -> Fleet:
    """The fleet of a seed; a larger one begins with the smaller one."""
    return Fleet(
        devices=devices,
        protobuf_share=protobuf_share,
        interval_ms=interval_ms,
        seed=seed,
        moving_share=moving_share,
        weights=weights,
        protobuf_versions=protobuf_versions,
    )


_GAPS = PATTERNS.index("gaps")


def _falls_on(number: int, share: float) -> bool:
    return math.floor((number + 1) * share + 1e-9) > math.floor(number * share + 1e-9)


def _between(low: float, high: float, draw: int) -> float:
    return low + (high - low) * (draw / 2**32)
