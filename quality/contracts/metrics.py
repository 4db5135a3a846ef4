"""The metric catalogue: what may be measured, in which unit, and within which limits.

Belongs here: the groups of the catalogue as one list, and the look-up by name. Names are Brick's point classes in snake
case where one fits (`Air_Temperature_Sensor` is `air_temperature`), units are pint's; ADR 16 says why.
Does not: a metric (`catalogue`, a module a group), how a vendor names them (`canonical/specs`) or how often a device
reports (its mapping).
"""

from __future__ import annotations

from quality.contracts.catalogue.air_quality import AIR_QUALITY
from quality.contracts.catalogue.climate import CLIMATE
from quality.contracts.catalogue.device import DEVICE
from quality.contracts.catalogue.energy import ENERGY
from quality.contracts.catalogue.light_and_sound import LIGHT_AND_SOUND
from quality.contracts.catalogue.motion import MOTION
from quality.contracts.catalogue.occupancy import OCCUPANCY
from quality.contracts.catalogue.plant import PLANT
from quality.contracts.catalogue.water_and_soil import WATER_AND_SOIL
from quality.contracts.catalogue.weather import WEATHER
from quality.contracts.metric_model import Aggregation, Kind, Metric

__all__ = ["BY_NAME", "GROUPS", "METRICS", "Aggregation", "Kind", "Metric"]

GROUPS: dict[str, tuple[Metric, ...]] = {
    "Room and outdoor climate": CLIMATE,
    "Air quality": AIR_QUALITY,
    "Light and sound": LIGHT_AND_SOUND,
    "Occupancy, doors and safety": OCCUPANCY,
    "Heating, ventilation and air conditioning": PLANT,
    "Water and soil": WATER_AND_SOIL,
    "Energy and metering": ENERGY,
    "Weather": WEATHER,
    "Place, motion and level": MOTION,
    "The device itself": DEVICE,
}
"""The catalogue in the order in which people read it."""

METRICS: tuple[Metric, ...] = tuple(metric for group in GROUPS.values() for metric in group)

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
