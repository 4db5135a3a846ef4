"""The metric catalogue: what may be measured, in which unit, and within which limits.

Belongs here: name, definition, canonical unit, plausible range and kind of every metric. Names follow Brick's
point vocabulary in snake case (`Air_Temperature_Sensor` is `air_temperature`), units are pint's.
Does not: how a vendor names them (`canonical/specs`) or how often a device reports (its mapping).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "state", "event"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric; `low` and `high` are the values it can physically have, inclusive, in `unit`."""

    name: str
    says: str
    unit: str
    low: float | None = None
    high: float | None = None
    kind: Kind = "gauge"


METRICS: tuple[Metric, ...] = (
    Metric(
        name="air_temperature",
        says="Temperature of the air around the sensor.",
        unit="degC",
        low=-60,
        high=85,
    ),
    Metric(name="relative_humidity", says="Relative humidity of the air.", unit="percent", low=0, high=100),
    Metric(name="air_pressure", says="Absolute pressure of the air.", unit="hPa", low=300, high=1100),
    Metric(name="co2", says="Carbon dioxide in the air, by volume.", unit="ppm", low=0, high=40000),
    Metric(
        name="light_level",
        says="Light on the sensor in the sensor's own scale: comparable on one device, not between models.",
        unit="dimensionless",
        low=0,
        high=200000,
    ),
    Metric(name="battery_voltage", says="Voltage of the supply.", unit="V", low=0, high=60),
    Metric(
        name="latitude",
        says="Where the device is, WGS 84: degrees north of the equator, negative to the south.",
        unit="deg",
        low=-90,
        high=90,
    ),
    Metric(
        name="longitude",
        says="Where the device is, WGS 84: degrees east of Greenwich, negative to the west.",
        unit="deg",
        low=-180,
        high=180,
    ),
)

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
