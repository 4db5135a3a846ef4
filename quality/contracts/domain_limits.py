"""What subject tables judge by: comfort bands, health limits, resources, the rule for anomalies.

Belongs here: numbers and names that somebody may want to change, each with where it is from.
Does not: rules about faults of plant (`assets.gold.domain.fault_rules`), limits of single readings (`metrics`), or
formulas (`assets.gold.domain`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ComfortBand:
    """Within which a metric is comfortable, ends included, in the metric's unit; None where an end is open."""

    metric: str
    low: float | None
    high: float | None
    source: str


_EN_16798 = "EN 16798-1:2019, default values for category II (normal expectations)"
COMFORT: tuple[ComfortBand, ...] = (
    ComfortBand(metric="air_temperature", low=20.0, high=26.0, source=f"{_EN_16798}: heating 20 °C, cooling 26 °C"),
    ComfortBand(metric="relative_humidity", low=25.0, high=60.0, source=f"{_EN_16798}: humidify 25 %, dehumidify 60 %"),
    ComfortBand(metric="co2", low=None, high=1220.0, source=f"{_EN_16798}: 800 ppm above outdoors, taken as 420 ppm"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthLimits:
    """From where on a device is not well."""

    battery_low: float = 20.0
    """Battery level in percent below which it is to be changed."""
    suspect_share: float = 0.05
    completeness: float = 0.9
    silence_intervals: float = 10.0
    """A silence of so many of the register's intervals is a gap."""
    silence_s: float = 7200.0
    """The same where the register names no interval."""
    look_back_days: int = 7
    """How many days before a day its last heartbeat is looked for."""


HEALTH_LIMITS = HealthLimits()
HEALTH: dict[str, str] = {
    "unheard": "Nothing of the day has been heard yet that could judge the device.",
    "silent": "The register expects it to report, and it did not.",
    "unregistered": "It reports, and the register does not know it.",
    "unexpected": "It reports, and the register does not expect it to: planned, removed or lost.",
    "low_battery": "Its battery fell below the limit.",
    "suspect": "More of its readings than the limit are in doubt.",
    "patchy": "It was silent for longer than the limit, or its readings are less complete than the limit.",
    "healthy": "None of these.",
}
"""Status words in the order in which they are tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """Something that meters count: which metrics, and which figures of a site's return are the same thing.

    `counters` are totals whose rise counts, `intervals` amounts of each reading's own interval, which are summed up.
    `reported` is added up; a figure that is null counts as nothing as long as one of them is there.
    """

    name: str
    unit: str
    counters: tuple[str, ...]
    intervals: tuple[str, ...]
    reported: tuple[str, ...]


_HEAT = ("gas_consumed", "oil_consumed", "coal_consumed", "steam_consumed", "hot_water_consumed")
RESOURCES: tuple[Resource, ...] = (
    Resource(
        name="electricity",
        unit="kWh",
        counters=("energy",),
        intervals=("energy_interval",),
        reported=("electricity_consumed", "renewable_electricity_consumed"),
    ),
    Resource(name="heat", unit="kWh", counters=("heat_energy",), intervals=(), reported=_HEAT),
    Resource(
        name="water",
        unit="m**3",
        counters=("water_volume",),
        intervals=("water_volume_interval",),
        reported=("water_volume",),
    ),
)
"""Gas meters count cubic metres, and what a cubic metre holds is not in the readings: no heat is made of them."""
ENERGY = ("electricity", "heat")
"""Resources that are added up as `energy`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anomaly:
    """When a figure stands out among its like: modified z-score, 0.6745 * (x - median) / MAD.

    Iglewicz and Hoaglin (1993), who also name 3.5. Where MAD is 0 it is (x - median) / (1.253314 * mean deviation);
    where that is 0 too nothing stands out.
    """

    score: float = 3.5
    fewest: int = 8
    """So many engagements must have the figure, or none is judged."""


ANOMALY = Anomaly()
