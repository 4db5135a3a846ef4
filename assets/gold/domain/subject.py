"""What a table of this package is: a contract, a query, and what the query looks at.

Belongs here: the words in which the modules beside this one declare themselves.
Does not: any particular table, the relations a query may name (`desk`), or which dates are due (`due`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from quality.contracts.model import Table

Source = Literal[
    "readings_5m",
    "readings_1h",
    "readings_1d",
    "all_1d",
    "doubts",
    "heartbeats",
    "states",
    "state_hours",
    "register",
    "twins",
    "heard",
    "meters",
]
"""Relations that `desk` lays out for a query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One table by date. `query` gives its rows, for every date of the relation `days`.

    `back` and `ahead`: how many dates before and after its own a date's rows are made from; a local day spans two UTC
    dates, so a table by local date has at least one of each.
    """

    table: Table
    query: str
    reads: tuple[Source, ...]
    back: int = 0
    ahead: int = 0

    @property
    def is_local(self) -> bool:
        """Whether its dates are those of the sites' calendars."""
        return self.table.partition_by == ("local_date",)
