"""Metrics of the catalogue: wind, rain and lightning.

Belongs here: one entry a metric; `quality.contracts.metric_model` says what its words mean.
Does not: other groups (the modules beside this one).
"""

from __future__ import annotations

from quality.contracts.metric_model import Metric

WEATHER: tuple[Metric, ...] = (
    Metric(
        name="wind_speed", says="Speed of the wind.", unit="m/s", low=0, high=120, step=0.1, brick="Wind_Speed_Sensor"
    ),
    Metric(
        name="wind_gust",
        says="Highest speed of the wind in the device's interval.",
        unit="m/s",
        low=0,
        high=150,
        aggregation="max",
        step=0.1,
        brick="Wind_Speed_Sensor",
    ),
    Metric(
        name="wind_direction",
        says="Where the wind comes from, clockwise from north.",
        unit="deg",
        low=0,
        high=360,
        aggregation="circular_mean",
        step=1,
        brick="Wind_Direction_Sensor",
    ),
    Metric(
        name="rainfall",
        says="Rain since the gauge's start, height of water.",
        unit="mm",
        low=0,
        high=1e6,
        kind="counter",
        brick="Rain_Level_Sensor",
    ),
    Metric(
        name="rainfall_interval",
        says="Rain in the device's interval, height of water.",
        unit="mm",
        low=0,
        high=1000,
        aggregation="sum",
    ),
    Metric(name="rain_rate", says="Rain by time.", unit="mm/h", low=0, high=2000),
    Metric(name="rain_state", says="Whether it rains.", kind="state", states=("rain", "dry")),
    Metric(name="snow_depth", says="Height of the snow.", unit="m", low=0, high=30, step=0.001),
    Metric(
        name="lightning_distance",
        says="How far a stroke of lightning was.",
        unit="km",
        low=0,
        high=100,
        aggregation="last",
    ),
    Metric(name="lightning_event", says="A stroke of lightning or what disturbed its detector.", kind="event"),
)
