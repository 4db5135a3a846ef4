"""The words a metric is described in.

Belongs here: `Metric` and its closed vocabularies, and what makes a description contradict itself.
Does not: any particular metric (`catalogue`), or the rules that use its limits (`quality.rules`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "state", "event"]
Aggregation = Literal["mean", "circular_mean", "sum", "max", "last", "increase", "duration", "count"]

WORDS: dict[Kind, str] = {
    "gauge": "A number that goes up and down.",
    "counter": "A running total that only rises, until the device restarts or it rolls over.",
    "state": "One of a few conditions, in `value_text`; it holds until the next reading.",
    "event": "Something that happened, in `value_text`; it holds for no time.",
}
AGGREGATIONS: dict[Aggregation, str] = {
    "mean": "arithmetic mean",
    "circular_mean": "mean of directions on a circle",
    "sum": "sum: each reading is the amount of its own interval",
    "max": "largest value",
    "last": "last value",
    "increase": "increase over the window, restarts taken out",
    "duration": "time spent in each state",
    "count": "number of events",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric. Numbers are in `unit`; None means that there is no such limit.

    `low` and `high`: values it can physically have, inclusive; what is outside is rejected.
    `step`: the finest difference that means something; rules that compare readings overlook smaller ones.
    `rate_per_s`: fastest believable change a second. `stuck_after_s`: how long a healthy sensor may say exactly the
    same. `outlier_spreads`: how many spreads from a device's median of the day are too far. `twins_within`: how far two
    sensors of one room may lie apart. What breaks these four is suspect, not wrong.
    `rolls_over_at`: what a counter holds before it begins at 0 again, where it is known to; a fall by more than half of
    it is then no restart.
    `interval_s`: seconds between readings where the metric itself fixes them; none does today, mappings say it.
    `states`: all of them, where the list is closed; () where any text goes.
    `brick`: the Brick class of such a point, None where Brick has none.
    """

    name: str
    says: str
    unit: str = "dimensionless"
    low: float | None = None
    high: float | None = None
    kind: Kind = "gauge"
    states: tuple[str, ...] = ()
    aggregation: Aggregation | None = None
    step: float = 0.0
    rate_per_s: float | None = None
    stuck_after_s: float | None = None
    outlier_spreads: float | None = None
    twins_within: float | None = None
    rolls_over_at: float | None = None
    interval_s: float | None = None
    brick: str | None = None

    def __post_init__(self) -> None:
        """Refuse a metric that contradicts itself, at import, where the author sees it."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"metric {self.name!r}: a name is snake case")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"metric {self.name!r}: low {self.low} is not below high {self.high}")
        numeric = (self.low, self.high, self.rate_per_s, self.stuck_after_s, self.outlier_spreads, self.twins_within)
        if self.kind in {"state", "event"} and any(limit is not None for limit in numeric):
            raise ValueError(f"metric {self.name!r}: a {self.kind} has no numeric limits")
        if self.rolls_over_at is not None and (self.kind != "counter" or self.rolls_over_at <= 0):
            raise ValueError(f"metric {self.name!r}: only a counter rolls over, and at more than 0")
        if self.states and self.kind not in {"state", "event"}:
            raise ValueError(f"metric {self.name!r}: a {self.kind} has no states")
        if len(set(self.states)) != len(self.states):
            raise ValueError(f"metric {self.name!r}: a state is named twice")

    @property
    def windows(self) -> Aggregation:
        """How readings become the value of a window: what is said, else what the kind implies."""
        implied: dict[Kind, Aggregation] = {
            "gauge": "mean",
            "counter": "increase",
            "state": "duration",
            "event": "count",
        }
        return self.aggregation or implied[self.kind]
