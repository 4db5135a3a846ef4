"""Metrics of the catalogue: light, radiation and noise.

Belongs here: one entry a metric; `quality.contracts.metric_model` says what its words mean.
Does not: other groups (the modules beside this one).
"""

from __future__ import annotations

from quality.contracts.metric_model import Metric

LIGHT_AND_SOUND: tuple[Metric, ...] = (
    Metric(
        name="illuminance",
        says="Light on a surface as the eye weighs it.",
        unit="lux",
        low=0,
        high=200000,
        step=1,
        brick="Illuminance_Sensor",
    ),
    Metric(
        name="light_level",
        says="Light on the sensor in the sensor's own scale: comparable on one device, not between models.",
        low=0,
        high=200000,
        brick="Luminance_Sensor",
    ),
    Metric(
        name="solar_irradiance",
        says="Power of the sun's radiation on a surface.",
        unit="W/m**2",
        low=0,
        high=2000,
        step=1,
        brick="Solar_Irradiance_Sensor",
    ),
    Metric(
        name="photosynthetic_radiation",
        says="Photons plants can use (400 to 700 nm) on a surface.",
        unit="umol/m**2/s",
        low=0,
        high=5000,
        step=1,
    ),
    Metric(
        name="infrared_irradiance",
        says="Power of infrared radiation on a surface.",
        unit="W/m**2",
        low=0,
        high=2000,
        step=1,
    ),
    Metric(name="uv_index", says="Strength of sunburning ultraviolet radiation, WHO scale.", low=0, high=25, step=0.1),
    Metric(
        name="color_temperature",
        says="Correlated colour temperature of the light.",
        unit="K",
        low=500,
        high=30000,
        aggregation="last",
    ),
    Metric(
        name="brightness_command",
        says="How bright a lamp is told to be, of full.",
        unit="percent",
        low=0,
        high=100,
        aggregation="last",
        brick="Lighting_Level_Command",
    ),
    Metric(
        name="sound_level",
        says="Sound pressure level, A-weighted, averaged over the device's interval.",
        unit="dB",
        low=0,
        high=160,
        step=0.5,
    ),
    Metric(
        name="sound_level_peak",
        says="Highest sound pressure level in the device's interval.",
        unit="dB",
        low=0,
        high=180,
        aggregation="max",
        step=0.5,
    ),
)
