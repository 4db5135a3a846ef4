"""What a load sends besides the database itself: the commands on extents and the query of each level.

Belongs here: one text of each form, as the functions that send them make it.
Does not: sending, or reading them (`check`). What only a running load can say is recorded and read in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from assets.gold import database, extents
from assets.gold.extents import Attempt, Extent, Survey
from quality.contracts.kusto import identifier, kusto_name, stage_name
from quality.contracts.model import Table
from quality.contracts.tables import LevelTable


class _Recorder:
    """Stands where Kusto would, and keeps what it is asked."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def command(self, text: str, *, repeatable: bool = False) -> list[dict[str, Any]]:
        self.texts.append(text)
        return []


def of_extents(table: Table, days: Sequence[date]) -> list[str]:
    """Looking at extents, dropping, filling a stage, and swapping it in."""
    kusto: Any = _Recorder()
    attempt = Attempt("lake", 7, "0123456789ab")
    target, stage = kusto_name(table), stage_name(table)
    extents.look(kusto, [target, stage], days)
    extents.drop(kusto, stage, [extents.by_date(days[0]), attempt.tag])
    there = [
        Extent(f"00000000-0000-0000-0000-00000000000{number}", name, 1, frozenset(attempt.tags(day, 1)))
        for number, (name, day) in enumerate((name, day) for name in (target, stage) for day in days)
    ]
    leaving = [extent.id for extent in there if extent.table == target]
    extents.swap(kusto, table, days, survey=Survey(tuple(there)), attempt=attempt, leaving=leaving)
    extents.swap(kusto, table, days, survey=Survey(()), attempt=attempt, leaving=())
    tags = extents.tags_property(attempt.tags(days[0], 1))
    kusto.command(f".set-or-append {identifier(stage)} with (tags = {tags}) <| {identifier(target)}")
    return list(kusto.texts)


def level_queries(made: LevelTable, day: date) -> list[str]:
    """The query that computes a level for a whole day."""
    since = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return [database.level_query(made, since, since + timedelta(days=1))]
