"""Metrics of the catalogue: people, doors, windows, buttons and what guards them.

Belongs here: one entry a metric; `quality.contracts.metric_model` says what its words mean.
Does not: other groups (the modules beside this one).
"""

from __future__ import annotations

from quality.contracts.metric_model import Metric

OCCUPANCY: tuple[Metric, ...] = (
    Metric(
        name="occupancy_state",
        says="Whether somebody is there.",
        kind="state",
        states=("occupied", "vacant"),
        brick="Occupancy_Status",
    ),
    Metric(
        name="motion_state",
        says="Whether motion is seen.",
        kind="state",
        states=("motion", "still"),
        brick="Motion_Sensor",
    ),
    Metric(
        name="motion_count",
        says="Motions seen since the counter's start.",
        low=0,
        high=1e12,
        kind="counter",
        brick="Motion_Sensor",
    ),
    Metric(
        name="motion_count_interval",
        says="Motions seen in the device's interval.",
        low=0,
        high=100000,
        aggregation="sum",
        brick="Motion_Sensor",
    ),
    Metric(name="people_count", says="People present.", low=0, high=100000, brick="Occupancy_Count_Sensor"),
    Metric(name="people_in", says="People who came in since the counter's start.", low=0, high=1e12, kind="counter"),
    Metric(name="people_out", says="People who went out since the counter's start.", low=0, high=1e12, kind="counter"),
    Metric(
        name="people_in_interval",
        says="People who came in during the device's interval.",
        low=0,
        high=100000,
        aggregation="sum",
    ),
    Metric(
        name="people_out_interval",
        says="People who went out during the device's interval.",
        low=0,
        high=100000,
        aggregation="sum",
    ),
    Metric(name="dwell_time", says="How long people stay, as the device reckons it.", unit="s", low=0, high=604800),
    Metric(
        name="contact_state",
        says="Whether a door, window or contact is open.",
        kind="state",
        states=("open", "closed"),
        brick="Contact_Sensor",
    ),
    Metric(name="lock_state", says="Whether a lock is locked.", kind="state", states=("locked", "unlocked")),
    Metric(
        name="water_leak_state",
        says="Whether water is where it must not be.",
        kind="state",
        states=("leak", "dry"),
        brick="Leak_Alarm",
    ),
    Metric(
        name="tamper_state",
        says="Whether somebody opened or moved the device.",
        kind="state",
        states=("tampered", "intact"),
    ),
    Metric(
        name="seat_state",
        says="Whether a seat, bed or parking space is taken.",
        kind="state",
        states=("occupied", "vacant"),
    ),
    Metric(
        name="button_event",
        says="A button was used; the text says how, such as `single`, `double`, `long`, `press`, `release`.",
        kind="event",
    ),
    Metric(
        name="gesture_event",
        says="A gesture was seen; the text says which, such as `left`, `up`, `shake`, `rotate_right`.",
        kind="event",
    ),
    Metric(name="tag_event", says="A card, tag or code was read; the text is what it says.", kind="event"),
)
