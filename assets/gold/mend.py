"""Counters, states and events of a date, brought to a Silver batch hour by hour.

Belongs here: telling the hours of which the rows differ from those Azure Data Explorer was loaded with, and replacing
those, in the sources, their levels and Gold Delta. One reading may change the step of the next, or lengthen a state
into hours without a reading, so the hours are not told from what is new: the rows of the date are made, which is cheap,
and compared by their sums, so that what is the same is not loaded, computed or copied again.
Does not: which dates to look at (`reach`), the rows (`kinds`), or gauges (`append`).
"""

from __future__ import annotations

from pathlib import Path

from assets.gold.extents import ALL_HOURS, Held, Survey
from assets.gold.hours import Change, DateTables
from assets.gold.kinds import KIND_SOURCES, KIND_TABLES, SOURCES, Kinds
from assets.silver.snapshot import Snapshot
from quality.contracts.kusto import kusto_name
from quality.contracts.model import Table
from quality.contracts.tables import LEVEL_TABLES, LEVELS, LevelTable
from settings.failpoints import reach

_DIGITS = 8
_NONE = "0" * _DIGITS


def mend(tables: DateTables, snapshot: Snapshot, *, spill: Path | None = None) -> None:
    """Bring the tables of counters, states and events of a date to the snapshot; what is the same stays as it is.

    Raises: LoadError, CopyError, KustoRefusedError: running it again finishes what is missing.
    """
    before = tables.staging.survey(*KIND_TABLES)
    with Kinds(tables.lake, snapshot.readings, [tables.day], spill=spill) as kinds:
        for source in KIND_SOURCES:
            _Mending(tables, kinds, source, before).run()


def sums_of(hours: dict[int, tuple[int, str]]) -> str:
    """What each hour of a date has, as `sums:` says it."""
    return "".join(hours[hour][1] if hour in hours else _NONE for hour in range(24))


def hours_that_differ(told: str, wanted: str) -> int:
    """Hours of which two such sums differ; bits as in `hours:`."""
    cut = [slice(_DIGITS * hour, _DIGITS * (hour + 1)) for hour in range(24)]
    return sum(1 << hour for hour, at in enumerate(cut) if told[at] != wanted[at])


class _Mending:
    """One source of a date and its levels."""

    def __init__(self, tables: DateTables, kinds: Kinds, source: Table, before: Survey) -> None:
        self._tables, self._kinds, self._source, self._before = tables, kinds, source, before
        self._hours = kinds.sums(source).get(tables.day, {})
        self._sums = sums_of(self._hours)

    def run(self) -> None:
        held = self._tables.held(self._source, self._before)
        change = self._change(held)
        if change.hours:
            rows = sum(rows for hour, (rows, _) in self._hours.items() if change.hours >> hour & 1)
            change = Change(change.hours, rows, self._sums, change.whole)
            files = self._kinds.files(self._source, self._tables.day, rows, change.hours)
            moment = SOURCES[self._source.name].moment
            self._tables.replace_rows(self._source, moment, self._before, change, files)
        reach("gold.after_mended_source")
        finer: Table | None = None
        for made in LEVEL_TABLES:
            if made.source == self._source:
                self._level(made, finer)
                finer = made.table

    def _change(self, held: Held) -> Change:
        """The hours in which a table has not what it must; all of them where it does not say what it has."""
        if not held.extents:
            return Change(hours_that_differ(_NONE * 24, self._sums), 0)
        told = held.sums(self._tables.attempt.lake_id, self._tables.day)
        if told is None:
            return Change(ALL_HOURS, 0, whole=True)
        return Change(hours_that_differ(told, self._sums), 0)

    def _level(self, made: LevelTable, finer: Table | None) -> None:
        name, tables = kusto_name(made.table), self._tables
        held, copied = tables.held(made.table, self._before), tables.copied(made.table)
        was = held.newest_batch(tables.attempt.lake_id)
        change = self._change(held)
        if change.hours:
            if made.seconds < LEVELS["1d"]:
                wanted = self._kinds.windows(self._source, change.hours).get(name, 0)
                change = Change(change.hours, wanted, self._sums, change.whole)
            else:
                change = Change(ALL_HOURS, tables.series(finer) if finer else 0, self._sums, whole=True)
            tables.replace_windows(made, self._before, change)
        reach("gold.after_level")
        if change.hours and copied is not None and copied == was:
            tables.copy(made, change.hours, copied)
        elif change.hours or (copied or 0) < was:
            tables.copy(made, ALL_HOURS, None)
