"""What a register says of each day, as one number a day: another number where it says something else.

Belongs here: running sums over the days on which a version begins or ends, and looking a day up in them.
Does not: what is hashed of a version (`assets.silver.flags.register`, `assets.gold.domain.due`), or reading it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Self


@dataclass(frozen=True)
class SumsByDay:
    """A sum that holds from a day until the next one; 0 before the first."""

    days: tuple[date, ...]
    sums: tuple[int, ...]

    @classmethod
    def of_steps(cls, steps: Iterable[tuple[date, int]]) -> Self:
        """`steps`: by how much the sum changes on each day on which it does, in order."""
        found = list(steps)
        return cls(tuple(day for day, _ in found), tuple(accumulate(int(step) for _, step in found)))

    def of(self, day: date) -> int:
        """The sum of a day."""
        place = bisect_right(self.days, day)
        return self.sums[place - 1] if place else 0
