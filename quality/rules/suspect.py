"""Suspect rules: what makes an accepted reading doubtful in the light of other readings or of the device register.

Belongs here: each rule once, as a named expression over what its view shows of a reading, with code, severity, message
and the limits it goes by. A rule here never decides acceptance: a doubt is written beside the reading.
Does not: how a view is computed (`quality.rules.views`), or the limits of a metric (`quality.contracts.catalogue`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from quality.contracts.metrics import METRICS

View = Literal["register", "sequence", "day", "room"]

TWIN_WINDOW_S = 600
"""Sensors of one room are compared by their means over windows of this length; it divides a day."""
FEWEST_OF_DAY = 30
"""A device with fewer readings of a metric on a day has no median worth speaking of."""
FEWEST_UNCHANGED = 3
"""So many equal readings at least make a sensor stuck: two may be a coincidence."""
NORMAL_SPREADS = 1.4826
"""Median distance from the median times this is the standard deviation, were the values normally distributed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspectRule:
    """One rule. `fails` is SQL over the columns of its view: whether the reading is in doubt (NULL is no).

    `says` is the message, `{column}` stands for a column. `limits` are the columns that go into the flag's parameters;
    those that are fields of `Metric` come from the catalogue. `means` and `do` are for people.
    """

    code: str
    view: View
    fails: str
    says: str
    limits: tuple[str, ...]
    means: str
    do: str
    severity: Literal["suspect"] = "suspect"


COLUMNS: Mapping[View, tuple[str, ...]] = {
    "register": ("registered", "source"),
    "sequence": (
        "gap_s", "previous_value", "previous_gap_s", "value_before", "unchanged_since", "unchanged_s",
        "unchanged_count", "kind", "step", "rate_per_s", "stuck_after_s",
    ),
    "day": ("median_of_day", "spread_of_day", "readings_of_day", "step", "outlier_spreads"),
    "room": ("room", "twins", "window_mean", "room_median", "apart", "twins_within", "window_start", "window_s"),
}  # fmt: skip
"""What a rule of each view can see, besides the reading and its metric's unit."""

_FAST = "abs({to} - {since}) > step + rate_per_s * greatest({gap}, 1)"
_JUMP = _FAST.format(to="value", since="previous_value", gap="gap_s")
_JUMP_BEFORE = _FAST.format(to="previous_value", since="value_before", gap="previous_gap_s")
_JUMP_OVER = _FAST.format(to="value", since="value_before", gap="(gap_s + previous_gap_s)")

SUSPECT_RULES: tuple[SuspectRule, ...] = (
    SuspectRule(
        code="unknown_device",
        view="register",
        fails="NOT registered",
        says="{device_id} is not in the device register, which does list devices of '{source}'",
        limits=(),
        means="The register lists devices of this source, but not this one. A source it does not list is not judged.",
        do="Enter the device into the register, or find out who installed it.",
    ),
    SuspectRule(
        code="rate_of_change",
        view="sequence",
        # Coming back from a spike is no second spike: then the reading agrees with the one before the spike.
        fails=f"{_JUMP} AND NOT coalesce({_JUMP_BEFORE} AND NOT ({_JUMP_OVER}), false)",
        says="{metric} of {device_id} went from {previous_value} to {value} {unit} within {gap_s} s; "
        "the most it can change is {rate_per_s} {unit} a second",
        limits=("rate_per_s", "step"),
        means="|value - previous| > step + rate * seconds between (at least 1). The way back from a spike is no spike.",
        do="Look for a loose contact, two devices under one identity, or a sensor that was moved.",
    ),
    SuspectRule(
        code="counter_fell",
        view="sequence",
        fails="kind = 'counter' AND value < previous_value",
        says="{metric} of {device_id} fell from {previous_value} to {value} {unit}; a counter only rises",
        limits=(),
        means="A counter is below its previous reading: it was reset, replaced, or rolled over.",
        do="Nothing where the device restarted; else look for two meters under one identity.",
    ),
    SuspectRule(
        code="stuck",
        view="sequence",
        fails=f"unchanged_s >= stuck_after_s AND unchanged_count >= {FEWEST_UNCHANGED}",
        says="{metric} of {device_id} has been exactly {value} {unit} since {unchanged_since}, for {unchanged_s} s; "
        "a healthy sensor changes within {stuck_after_s} s",
        limits=("stuck_after_s",),
        means="The same value, exactly, for longer than a healthy sensor of this metric keeps it.",
        do="Restart or replace the sensor.",
    ),
    SuspectRule(
        code="outlier",
        view="day",
        fails=f"readings_of_day >= {FEWEST_OF_DAY} "
        "AND abs(value - median_of_day) > outlier_spreads * greatest(spread_of_day, step)",
        says="{metric} of {device_id} is {value} {unit}; its median of the day is {median_of_day}, "
        "its spread {spread_of_day}, and {outlier_spreads} spreads are the limit",
        limits=("outlier_spreads", "step"),
        means=f"|value - median| > limit * max({NORMAL_SPREADS} * median(|value - median|), step), per device, metric, "
        f"channel and day of at least {FEWEST_OF_DAY} readings.",
        do="Compare with its neighbours; single values are transmission errors, many are a new place or a new sensor.",
    ),
    SuspectRule(
        code="twins_disagree",
        view="room",
        fails="apart > twins_within",
        says="{metric} of {device_id} averaged {window_mean} {unit} in the {window_s} s from {window_start}; the "
        "{twins} sensors of '{room}' have the median {room_median}, and {twins_within} {unit} apart is the limit",
        limits=("twins_within", "window_s"),
        means=f"Sensors of one location of the register, by their means over {TWIN_WINDOW_S} s: further from the "
        "median than the limit. Of two sensors both are in doubt, when they differ by more than the limit.",
        do="Calibrate the one that is off, or correct its location in the register.",
    ),
)

CODES: dict[str, SuspectRule] = {rule.code: rule for rule in SUSPECT_RULES}

LIMITS = ("kind", "step", "rate_per_s", "stuck_after_s", "outlier_spreads", "twins_within")
"""Fields of a metric that rules go by."""

LOOK_BACK_DAYS = max(1, *(-(-int(metric.stuck_after_s or 0) // 86_400) for metric in METRICS))
"""How many days before its own a date's readings are judged with."""


def rules_version() -> str:
    """Names rules, limits and constants: 8 hexadecimal digits."""
    content = {
        "rules": [asdict(rule) for rule in SUSPECT_RULES],
        "metrics": {metric.name: [getattr(metric, name) for name in LIMITS] for metric in METRICS},
        "constants": [TWIN_WINDOW_S, FEWEST_OF_DAY, FEWEST_UNCHANGED, NORMAL_SPREADS],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
