"""Metrics of the catalogue: where a thing is, how it lies and moves, how far, how full and how heavy.

Belongs here: one entry a metric; `quality.contracts.metric_model` says what its words mean.
Does not: other groups (the modules beside this one).
"""

from __future__ import annotations

from quality.contracts.metric_model import Metric

MOTION: tuple[Metric, ...] = (
    Metric(
        name="latitude",
        says="Where the device is, WGS 84: degrees north of the equator, negative to the south.",
        unit="deg",
        low=-90,
        high=90,
        aggregation="last",
    ),
    Metric(
        name="longitude",
        says="Where the device is, WGS 84: degrees east of Greenwich, negative to the west.",
        unit="deg",
        low=-180,
        high=180,
        aggregation="last",
    ),
    Metric(
        name="altitude",
        says="Height of the device above the sea, WGS 84.",
        unit="m",
        low=-500,
        high=50000,
        aggregation="last",
    ),
    Metric(name="speed", says="Speed over ground.", unit="m/s", low=0, high=400),
    Metric(
        name="heading",
        says="Direction of travel, clockwise from north.",
        unit="deg",
        low=0,
        high=360,
        aggregation="circular_mean",
    ),
    Metric(
        name="tilt",
        says="Angle of the device about an axis; one channel an axis.",
        unit="deg",
        low=-360,
        high=360,
        aggregation="last",
        step=1,
        brick="Angle_Sensor",
    ),
    Metric(
        name="acceleration",
        says="Acceleration along an axis, gravity included; one channel an axis.",
        unit="m/s**2",
        low=-5000,
        high=5000,
    ),
    Metric(
        name="rotation_rate",
        says="Speed of turning about an axis; one channel an axis.",
        unit="deg/s",
        low=-5000,
        high=5000,
    ),
    Metric(
        name="magnetic_field",
        says="Magnetic flux density along an axis; one channel an axis.",
        unit="uT",
        low=-100000,
        high=100000,
    ),
    Metric(
        name="vibration",
        says="Speed of vibration, root mean square; one channel an axis.",
        unit="mm/s",
        low=0,
        high=10000,
    ),
    Metric(
        name="vibration_strength",
        says="Strength of a vibration in the sensor's own scale: comparable on one device only.",
        low=0,
        high=1000000,
        aggregation="max",
    ),
    Metric(name="vibration_state", says="Whether the thing vibrates.", kind="state", states=("vibration", "still")),
    Metric(
        name="movement_state",
        says="Whether the thing moves from place to place.",
        kind="state",
        states=("moving", "still"),
    ),
    Metric(name="position_state", says="How the thing lies, such as `normal` or `tilt`.", kind="state"),
    Metric(
        name="geofence_state",
        says="Where the thing is against its fence.",
        kind="state",
        states=("inside", "outside", "unset"),
    ),
    Metric(name="distance", says="Distance to what the sensor sees.", unit="m", low=0, high=1000, step=0.001),
    Metric(
        name="fill_level",
        says="How full a container is.",
        unit="percent",
        low=0,
        high=100,
        step=1,
        brick="Level_Status",
    ),
    Metric(
        name="fill_state", says="How full a container is, in the device's words, such as `full`, `empty`.", kind="state"
    ),
    Metric(name="weight", says="Mass of what lies on a scale.", unit="kg", low=-1000, high=1000000),
)
