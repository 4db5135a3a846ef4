"""Metrics of the catalogue: the device's own health: battery, radio, restarts, errors.

Belongs here: one entry a metric; `quality.contracts.metric_model` says what its words mean.
Does not: other groups (the modules beside this one).
"""

from __future__ import annotations

from quality.contracts.metric_model import Metric

DEVICE: tuple[Metric, ...] = (
    Metric(
        name="battery_level",
        says="Charge of the battery, of full.",
        unit="percent",
        low=0,
        high=100,
        aggregation="last",
    ),
    Metric(
        name="battery_voltage",
        says="Voltage of the battery that feeds the device.",
        unit="V",
        low=0,
        high=60,
        step=0.01,
        rate_per_s=1,
        brick="Battery_Voltage_Sensor",
    ),
    Metric(
        name="supply_voltage",
        says="Voltage at the device's own supply, whatever feeds it.",
        unit="V",
        low=0,
        high=1000,
        step=0.01,
        brick="Voltage_Sensor",
    ),
    Metric(
        name="battery_state",
        says="Whether the battery needs care.",
        kind="state",
        states=("normal", "low"),
        brick="Low_Battery_Alarm",
    ),
    Metric(
        name="charging_state",
        says="Whether the battery is charged.",
        kind="state",
        states=("charging", "discharging", "full", "external"),
    ),
    Metric(
        name="power_source", says="What feeds the device.", kind="state", states=("battery", "mains", "solar", "usb")
    ),
    Metric(
        name="device_temperature",
        says="Temperature inside the device.",
        unit="degC",
        low=-60,
        high=150,
        step=0.1,
        stuck_after_s=86400,
    ),
    Metric(name="signal_strength", says="Power of the radio signal at the receiver.", unit="dBm", low=-200, high=30),
    Metric(name="snr", says="Radio signal by noise.", unit="dB", low=-60, high=80),
    Metric(
        name="link_quality",
        says="Quality of the radio link in the network's own scale, Zigbee's from 0 to 255.",
        low=0,
        high=255,
    ),
    Metric(
        name="uptime",
        says="Time since the device started.",
        unit="s",
        low=0,
        high=1e10,
        kind="counter",
        aggregation="last",
    ),
    Metric(
        name="connection_state", says="Whether the device is connected.", kind="state", states=("online", "offline")
    ),
    Metric(
        name="device_status", says="What the device says of itself, such as `normal`, `on`, `standby`.", kind="state"
    ),
    Metric(
        name="device_error",
        says="The device reports an error; one channel a code, the text says what it is.",
        kind="event",
        brick="Fault_Status",
    ),
    Metric(
        name="alarm",
        says="The device reports that a limit it watches is broken or kept again; one channel an alarm.",
        kind="event",
        brick="Alarm",
    ),
    Metric(name="restart", says="The device started anew; the text says why where it tells.", kind="event"),
    Metric(
        name="analog_input",
        says="Value at an analogue input in the device's own scale; one channel an input.",
        low=-1e12,
        high=1e12,
    ),
    Metric(
        name="digital_input",
        says="Level at a digital input; one channel an input.",
        kind="state",
        states=("high", "low"),
    ),
)
