"""The simulated devices: who they are and what they measure at an instant.

Belongs here: the physics, such as it is (daily cycle, noise, a battery that runs down), always well inside the
limits of the metric catalogue. The same seed gives the same fleet and the same values.
Does not: how a measurement is written down (`formats`), what goes wrong with it (`faults`), when it is sent (`plan`).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal, NamedTuple

Format = Literal["json", "protobuf"]
TemperatureUnit = Literal["degC", "degF", "K"]

_DAY_MINUTES = 1440
# One table look-up instead of a sine and a Gaussian per reading: the simulator has to outrun the SDK it feeds.
_DAY = tuple(math.sin(2 * math.pi * minute / _DAY_MINUTES) for minute in range(_DAY_MINUTES))
_NOISE_MASK = 4095
_gauss = random.Random("noise").gauss  # noqa: S311 - reproducible noise, not a secret
_NOISE = tuple(max(-3.0, min(3.0, _gauss(0.0, 1.0))) for _ in range(_NOISE_MASK + 1))


class Sample(NamedTuple):
    """What a device measures at an instant, in degC, percent, Pa and V."""

    time_ms: int
    temperature: float
    humidity: float
    pressure: float
    battery: float

    def contradicted(self) -> Sample:
        """The same instant with every value another one, still plausible."""
        return Sample(
            self.time_ms, self.temperature + 1.5, self.humidity + 2.0, self.pressure + 150, self.battery + 0.1
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """One device and the parameters of its surroundings."""

    native_id: str
    format: Format
    temperature_unit: TemperatureUnit
    phase_ms: int
    """Offset of its clock in the interval: a fleet does not report in step."""
    temperature: float
    swing: float
    """Half the daily range, in degC."""
    humidity: float
    pressure: float
    battery: float
    drain: float
    """V lost per reading."""
    peak: int
    """Minutes by which its warmest time of day is shifted."""
    noise: int

    def sample(self, time_ms: int, tick: int) -> Sample:
        """What it measures at `time_ms` (epoch milliseconds), its `tick`-th reading."""
        cycle = _DAY[(time_ms // 60_000 + self.peak) % _DAY_MINUTES]
        at = tick + self.noise
        return Sample(
            time_ms,
            self.temperature + self.swing * cycle + 0.06 * _NOISE[at & _NOISE_MASK],
            self.humidity - 5.0 * cycle + 0.4 * _NOISE[(at * 3 + 1) & _NOISE_MASK],
            self.pressure
            + 120.0 * _DAY[(time_ms // 120_000) % _DAY_MINUTES]
            + 4.0 * _NOISE[(at * 5 + 2) & _NOISE_MASK],
            max(2.4, self.battery - self.drain * tick) + 0.003 * _NOISE[(at * 7 + 3) & _NOISE_MASK],
        )


def fleet(*, devices: int, protobuf_share: float, interval_ms: int, seed: int) -> tuple[Device, ...]:
    """The devices of a seed; `protobuf_share` of them, spread evenly, speak protobuf and the others JSON."""
    return tuple(_device(n, protobuf_share=protobuf_share, interval_ms=interval_ms, seed=seed) for n in range(devices))


def _device(number: int, *, protobuf_share: float, interval_ms: int, seed: int) -> Device:
    rng = random.Random(f"{seed}/device/{number}")  # noqa: S311 - reproducible, not a secret
    protobuf = math.floor((number + 1) * protobuf_share + 1e-9) > math.floor(number * protobuf_share + 1e-9)
    units: tuple[TemperatureUnit, ...] = ("degC", "degC", "degF", "degC", "degC", "K", "degC")
    return Device(
        native_id=f"sim-{number + 1:05d}",
        format="protobuf" if protobuf else "json",
        # Telemetry v1 has no unit: its temperature is in degC.
        temperature_unit="degC" if protobuf else units[number % len(units)],
        phase_ms=rng.randrange(interval_ms),
        temperature=rng.uniform(17.0, 25.0),
        swing=rng.uniform(0.5, 4.0),
        humidity=rng.uniform(35.0, 60.0),
        pressure=rng.uniform(98_500.0, 102_500.0),
        battery=rng.uniform(3.3, 3.7),
        drain=rng.uniform(1e-7, 8e-7),
        peak=rng.randrange(_DAY_MINUTES),
        noise=rng.randrange(_NOISE_MASK),
    )
