"""Metrics of the catalogue: electricity, heat, gas and everything metered.

Belongs here: one entry a metric; `quality.contracts.metric_model` says what its words mean.
Does not: other groups (the modules beside this one).
"""

from __future__ import annotations

from quality.contracts.metric_model import Metric

ENERGY: tuple[Metric, ...] = (
    Metric(
        name="voltage",
        says="Voltage between conductors; one channel a phase.",
        unit="V",
        low=-1000000,
        high=1000000,
        step=0.1,
        brick="Voltage_Sensor",
    ),
    Metric(
        name="current",
        says="Electric current; one channel a phase.",
        unit="A",
        low=-100000,
        high=100000,
        step=0.001,
        brick="Current_Sensor",
    ),
    Metric(
        name="power",
        says="Active electric power; negative where it is fed in.",
        unit="W",
        low=-1e9,
        high=1e9,
        step=1,
        brick="Active_Power_Sensor",
    ),
    Metric(
        name="apparent_power",
        says="Apparent electric power.",
        unit="VA",
        low=0,
        high=1e9,
        step=1,
        brick="Apparent_Power_Sensor",
    ),
    Metric(
        name="reactive_power",
        says="Reactive electric power.",
        unit="var",
        low=-1e9,
        high=1e9,
        step=1,
        brick="Reactive_Power_Sensor",
    ),
    Metric(
        name="power_factor", says="Active by apparent power.", low=-1, high=1, step=0.01, brick="Power_Factor_Sensor"
    ),
    Metric(
        name="frequency",
        says="Frequency of the mains.",
        unit="Hz",
        low=0,
        high=1000,
        step=0.01,
        brick="Frequency_Sensor",
    ),
    Metric(
        name="energy",
        says="Electric energy since the meter's start.",
        unit="kWh",
        low=0,
        high=1e12,
        kind="counter",
        brick="Electric_Energy_Sensor",
    ),
    Metric(
        name="energy_exported",
        says="Electric energy fed in since the meter's start.",
        unit="kWh",
        low=0,
        high=1e12,
        kind="counter",
        brick="Energy_Generation_Sensor",
    ),
    Metric(
        name="energy_interval",
        says="Electric energy of the device's interval.",
        unit="kWh",
        low=-1e9,
        high=1e9,
        aggregation="sum",
        brick="Electrical_Energy_Usage_Sensor",
    ),
    Metric(
        name="reactive_energy",
        says="Reactive energy since the meter's start.",
        unit="kvarh",
        low=0,
        high=1e12,
        kind="counter",
        brick="Reactive_Energy_Sensor",
    ),
    Metric(name="charge", says="Electric charge since the meter's start.", unit="Ah", low=0, high=1e12, kind="counter"),
    Metric(
        name="heat_energy",
        says="Heat delivered since the meter's start.",
        unit="kWh",
        low=0,
        high=1e12,
        kind="counter",
        brick="Thermal_Energy_Usage_Sensor",
    ),
    Metric(
        name="heat_power", says="Heat delivered by time.", unit="kW", low=-1e6, high=1e6, brick="Thermal_Power_Sensor"
    ),
    Metric(
        name="water_volume",
        says="Water since the meter's start.",
        unit="m**3",
        low=0,
        high=1e12,
        kind="counter",
        brick="Water_Usage_Sensor",
    ),
    Metric(
        name="water_volume_interval",
        says="Water of the device's interval.",
        unit="m**3",
        low=-1e6,
        high=1e6,
        aggregation="sum",
        brick="Water_Usage_Sensor",
    ),
    Metric(
        name="gas_volume",
        says="Gas since the meter's start.",
        unit="m**3",
        low=0,
        high=1e12,
        kind="counter",
        brick="Natural_Gas_Usage_Sensor",
    ),
    Metric(
        name="pulse_count",
        says="Pulses of a meter since its start; what one stands for is the meter's.",
        low=0,
        high=1e15,
        kind="counter",
    ),
    Metric(
        name="pulse_count_interval",
        says="Pulses of a meter in the device's interval.",
        low=0,
        high=1e9,
        aggregation="sum",
    ),
    Metric(
        name="switch_state",
        says="Whether a switch, relay or socket is on.",
        kind="state",
        states=("on", "off"),
        brick="On_Off_Status",
    ),
)
