"""Signs of faults in air-handling units, as rules over one hour.

Belongs here: the points of a unit that rules speak of, and each rule once, as named SQL expressions over them.
Does not: how many hours make a fault of a day (`faults`), or doubts about single readings (`quality.rules`).

The rules about temperatures are those of NIST's AHU performance assessment (House, Vaezi-Nejad and Whitcomb 2001;
Schein et al. 2006), with its allowances: 2 K for what sensors and mixing are off. All are about hours in which the fan
runs from beginning to end, unless the rule is about the fan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NUMBERS: dict[str, tuple[str, str]] = {
    "supply": ("supply_air_temperature", ""),
    "setpoint": ("supply_air_temperature_setpoint", ""),
    "heating_setpoint": ("supply_air_heating_setpoint", ""),
    "cooling_setpoint": ("supply_air_cooling_setpoint", ""),
    "mixed": ("mixed_air_temperature", ""),
    "return": ("return_air_temperature", ""),
    "outdoor": ("outdoor_air_temperature", ""),
    "heating_valve": ("valve_command", "heating"),
    "cooling_valve": ("valve_command", "cooling"),
    "outdoor_damper": ("damper_command", "outdoor"),
    "fan_speed": ("fan_speed_command", "supply"),
    "duct_pressure": ("static_pressure", ""),
    "duct_setpoint": ("static_pressure_setpoint", ""),
}
"""Point to metric and channel: the mean of the hour."""
STATES: dict[str, tuple[str, str, str]] = {
    "fan_on": ("fan_status", "supply", "on"),
    "fan_alone_on": ("fan_status", "", "on"),
    "unoccupied": ("occupancy_mode", "", "unoccupied"),
}
"""Point to metric, channel and state: the share of the hour in that state."""

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultRule:
    """`judges` says of which hours it can speak, `fails` when it does; a null point makes the hour unjudged."""

    code: str
    severity: Severity
    judges: str
    fails: str
    says: str


_RUNS = "runs >= 0.99"
_LOW = "coalesce(setpoint, heating_setpoint)"
_HIGH = "coalesce(setpoint, cooling_setpoint)"
FAULTS: tuple[FaultRule, ...] = (
    FaultRule(
        code="heating_and_cooling", severity="critical",
        judges=f"{_RUNS} AND heating_valve IS NOT NULL AND cooling_valve IS NOT NULL",
        fails="heating_valve > 5 AND cooling_valve > 5",
        says="Heats and cools at the same time: both valves are told to open by more than 5 %.",
    ),
    FaultRule(
        code="supply_too_warm", severity="warning",
        judges=f"{_RUNS} AND supply IS NOT NULL AND {_HIGH} IS NOT NULL",
        fails=f"supply > {_HIGH} + 2",
        says="Supply air is more than 2 K warmer than it is to be: coil, valve or set point.",
    ),
    FaultRule(
        code="supply_too_cold", severity="warning",
        judges=f"{_RUNS} AND supply IS NOT NULL AND {_LOW} IS NOT NULL",
        fails=f"supply < {_LOW} - 2",
        says="Supply air is more than 2 K colder than it is to be: coil, valve or set point.",
    ),
    FaultRule(
        code="cooling_exhausted", severity="warning",
        judges=f"{_RUNS} AND cooling_valve IS NOT NULL AND supply IS NOT NULL AND {_HIGH} IS NOT NULL",
        fails=f"cooling_valve >= 99 AND supply > {_HIGH} + 1",
        says="The cooling valve is told to open fully and the supply air stays too warm: valve stuck, or no chilled "
        "water.",
    ),
    FaultRule(
        code="heating_exhausted", severity="warning",
        judges=f"{_RUNS} AND heating_valve IS NOT NULL AND supply IS NOT NULL AND {_LOW} IS NOT NULL",
        fails=f"heating_valve >= 99 AND supply < {_LOW} - 1",
        says="The heating valve is told to open fully and the supply air stays too cold: valve stuck, or no hot water.",
    ),
    FaultRule(
        code="cools_when_shut", severity="warning",
        judges=f"{_RUNS} AND cooling_valve <= 1 AND heating_valve <= 1 AND supply IS NOT NULL AND mixed IS NOT NULL",
        fails="supply < mixed - 2",
        says="Both valves are told to shut and the coil still cools by more than 2 K: the cooling valve leaks or is "
        "stuck open.",
    ),
    FaultRule(
        code="heats_when_shut", severity="warning",
        judges=f"{_RUNS} AND cooling_valve <= 1 AND heating_valve <= 1 AND supply IS NOT NULL AND mixed IS NOT NULL",
        fails="supply > mixed + 3",
        says="Both valves are told to shut and the air is heated by more than 3 K, 1 K of it by the fan: the heating "
        "valve leaks or is stuck open.",
    ),
    FaultRule(
        code="mixed_air_impossible", severity="warning",
        judges=f'{_RUNS} AND mixed IS NOT NULL AND "return" IS NOT NULL AND outdoor IS NOT NULL',
        fails='mixed < least("return", outdoor) - 2 OR mixed > greatest("return", outdoor) + 2',
        says="Mixed air is warmer or colder than both air streams it is mixed of: one of three sensors is off.",
    ),
    FaultRule(
        code="damper_does_not_follow", severity="warning",
        judges=f'{_RUNS} AND mixed IS NOT NULL AND outdoor_damper IS NOT NULL AND abs("return" - outdoor) > 5.5',
        fails='abs(("return" - mixed) / ("return" - outdoor) - outdoor_damper / 100) > 0.3',
        says="The share of outdoor air, by temperatures, is more than 30 points off what the damper is told: damper "
        "stuck, or a sensor off.",
    ),
    FaultRule(
        code="free_cooling_missed", severity="info",
        judges=f'{_RUNS} AND cooling_valve IS NOT NULL AND outdoor_damper IS NOT NULL AND outdoor < "return" - 2',
        fails=f"cooling_valve > 5 AND outdoor_damper < 50 AND outdoor < {_HIGH} - 1",
        says="Cools by coil although the air outdoors is cold enough, with the outdoor damper less than half open.",
    ),
    FaultRule(
        code="duct_pressure_off", severity="warning",
        judges=f"{_RUNS} AND duct_pressure IS NOT NULL AND duct_setpoint > 0",
        fails="abs(duct_pressure - duct_setpoint) > 0.2 * duct_setpoint",
        says="Duct pressure is more than 20 % off its set point: fan, filter or sensor.",
    ),
    FaultRule(
        code="fan_out_of_hours", severity="info",
        judges="unoccupied >= 0.99 AND runs IS NOT NULL",
        fails="runs >= 0.5",
        says="The fan runs for half of an hour or longer while the building is unoccupied.",
    ),
    FaultRule(
        code="supply_sensor_stuck", severity="warning",
        judges=f"{_RUNS} AND supply_count >= 4",
        fails="supply_range = 0",
        says="The supply air sensor says exactly the same for an hour with the fan on.",
    ),
)  # fmt: skip
"""Every rule, in the order in which people read them."""
