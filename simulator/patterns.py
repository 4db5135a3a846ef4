"""How a device's values go: as the day has it, or with one of the troubles that sensors have.

Belongs here: the patterns, how many devices of a fleet have which, and when a device with gaps is silent.
Does not: the values themselves (`devices`), or messages that are wrong (`faults`): what a pattern gives is plausible,
and every reading of it is accepted.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, fields
from typing import Literal, get_args

Pattern = Literal["daily", "drift", "spikes", "stuck", "gaps"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)

DRIFT_PER_READING, DRIFT_AT_MOST = 0.002, 8.0
"""degC by which an ageing sensor is further off at each reading, and in the end."""
SPIKE_EVERY, SPIKE = 97, 18.0
"""Of so many readings one is a spike, by so many degC (and percent of humidity)."""
STUCK_EVERY, STUCK_FOR = 500, 120
"""Of so many readings so many in a row repeat the first of them."""
SILENT_EVERY, SILENT_FOR = 240, 24
"""Of so many readings so many in a row are never sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patterns:
    """Weights: a device has one pattern, with a probability of its weight among all."""

    daily: float = 0.0
    drift: float = 0.0
    spikes: float = 0.0
    stuck: float = 0.0
    gaps: float = 0.0

    def __post_init__(self) -> None:
        """Refuse weights by which nothing can be drawn."""
        for name in PATTERNS:
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"pattern weight {name}={getattr(self, name)}: give 0 or more, such as 2 or 0.5")
        if not any(getattr(self, name) for name in PATTERNS):
            raise ValueError(f"no pattern has a weight; there are {', '.join(PATTERNS)}")

    @classmethod
    def parse(cls, text: str) -> Patterns:
        """`daily=8,gaps=1`, or names alone for equal weights; ValueError for what is neither."""
        weights: dict[str, float] = {}
        for part in text.split(","):
            name, given, weight = (piece.strip() for piece in part.partition("="))
            if name not in PATTERNS:
                raise ValueError(f"no pattern {name!r}; there are {', '.join(PATTERNS)}")
            if name in weights:
                raise ValueError(f"pattern {name!r} is there twice")
            try:
                weights[name] = float(weight) if given else 1.0
            except ValueError as error:
                raise ValueError(f"pattern weight {part.strip()!r} is no number; write such as {name}=2") from error
        return cls(**weights)

    def draw(self, number: float) -> Pattern:
        """The pattern for `number` in [0, 1)."""
        weights = [getattr(self, name) for name in PATTERNS]
        upto = [sum(weights[: n + 1]) for n in range(len(weights))]
        last = max(n for n, weight in enumerate(weights) if weight)
        return PATTERNS[min(bisect_right(upto, number * upto[-1]), last)]


DAILY = Patterns(daily=1.0)
"""Every device as the day has it."""

assert tuple(f.name for f in fields(Patterns)) == PATTERNS  # a weight for every pattern, and no other


def silent(tick: int, turn: int) -> bool:
    """Whether a device with gaps leaves out its `tick`-th message; `turn` is where in the cycle it began."""
    return (tick + turn) % SILENT_EVERY < SILENT_FOR


def silences(ticks: int, turn: int) -> int:
    """How many of its first `ticks` messages it leaves out."""
    return _silences(ticks + turn) - _silences(turn)


def _silences(upto: int) -> int:
    whole, rest = divmod(upto, SILENT_EVERY)
    return whole * SILENT_FOR + min(rest, SILENT_FOR)
