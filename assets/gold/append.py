"""Stop 5 of the data path, the short way: a date that only gained readings gets those, and the windows they lie in.

Belongs here: the order of steps for one date. Every table goes from the batch it is proven to be at to the snapshot's,
whatever the others are at: so a load that was cut short is taken up where it was. New readings are added beside the
old ones, and of a level only the hours that gained readings are computed.
Does not: whole dates (`load`), which hours (`changes`), the rows (`touched`), replacing hours (`hours`), counters and
states (`mend`).

What it builds on is checked, not believed: tags and counts of every table, the readings Kusto holds of the hours
against Silver's, and that no other loader changes a table in between. Where that does not hold, the date is loaded
whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from assets.date_state import record
from assets.gold.changes import NotAppendableError, hours_gained
from assets.gold.extents import ALL_HOURS, Survey
from assets.gold.hours import Change, DateTables
from assets.gold.touched import Touched
from assets.silver.snapshot import Snapshot
from quality.contracts.kusto import kusto_name
from quality.contracts.model import Table
from quality.contracts.tables import ADX_READINGS, LEVEL_TABLES, LEVELS
from settings.failpoints import reach

PARTS = 96
"""A date in more extents than this is loaded whole, which makes few of many."""
_LEVELS = tuple(made for made in LEVEL_TABLES if made.source == ADX_READINGS)


@dataclass(frozen=True)
class Gained:
    """Where a date stands before it is added to: the batch of each table, and the hours that gained readings since."""

    survey: Survey
    bases: Mapping[str, int]
    copied: Mapping[str, int]
    hours: int


def append(tables: DateTables, snapshot: Snapshot, loaded: int, *, spill: Path | None = None) -> int:
    """Add what a date gained after batch `loaded` to readings and their levels; returns how many readings.

    Raises: NotAppendableError, with nothing changed that a load of the whole date would not find and finish; LoadError,
    CopyError, KustoRefusedError: running the date again finishes what is missing.
    """
    gained = _gained(tables, snapshot, loaded)
    if not gained.hours:
        return 0
    with Touched(tables.lake, snapshot.readings, tables.day, gained.hours, spill=spill) as export:
        expected = export.expected()[tables.day].tables
        readings = _add(tables, export, gained)
    reach("gold.after_swap")
    # While one level is copied to Delta, Kusto computes the next.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gold-copy") as copier:
        copies = []
        finer = ADX_READINGS
        for made in _LEVELS:
            name, at = made.table.name, tables.attempt.batch
            daily = made.seconds >= LEVELS["1d"]
            wanted = tables.series(finer) if daily else expected[kusto_name(made.table)]
            change = Change(ALL_HOURS if daily else gained.hours, wanted, whole=daily)
            tables.windows[kusto_name(made.table)] = wanted
            if wanted and gained.bases[name] < at:
                tables.replace_windows(made, gained.survey, change)
            reach("gold.after_level")
            if wanted and gained.copied[name] < at:
                copies.append(copier.submit(tables.copy, made, change.hours, gained.copied[name]))
            finer = made.table
        for copy in copies:
            copy.result()
    return readings


def settle(tables: DateTables) -> None:
    """Note that the date is at the attempt's batch, with the readings Kusto holds of it."""
    if kusto_name(ADX_READINGS) not in tables.rows:
        tables.held(ADX_READINGS, tables.staging.survey(ADX_READINGS))
    rows = {tables.day: tables.rows[kusto_name(ADX_READINGS)]}
    record(tables.lake, tables.attempt.lake_id, "readings", tables.attempt.batch, rows)


def _gained(tables: DateTables, snapshot: Snapshot, loaded: int) -> Gained:
    survey = tables.staging.survey(ADX_READINGS, *(made.table for made in _LEVELS))
    bases = {table.name: _base(tables, table, survey, loaded) for table in (ADX_READINGS, *(m.table for m in _LEVELS))}
    copied = {made.table.name: _copied(tables, made.table) for made in _LEVELS}
    if len(survey.held(kusto_name(ADX_READINGS), tables.day).extents) > PARTS:
        raise NotAppendableError(f"it is in more than {PARTS} parts")
    oldest = min(*bases.values(), *(max(at, loaded) for at in copied.values()))
    return Gained(survey, bases, copied, hours_gained(tables.lake, snapshot, tables.day, oldest))


def _base(tables: DateTables, table: Table, survey: Survey, loaded: int) -> int:
    """The batch from which a table has to be brought up."""
    proven = tables.held(table, survey).proven(tables.attempt.lake_id, tables.day)
    if not proven:
        raise NotAppendableError(f"{kusto_name(table)} does not hold it as a load of this version left it")
    # A level that a batch gave no window to still carries the tags of an earlier one.
    return max(proven, loaded)


def _copied(tables: DateTables, table: Table) -> int:
    at = tables.copied(table)
    if at is None:
        raise NotAppendableError(f"{table.path} does not hold it")
    return at


def _add(tables: DateTables, export: Touched, gained: Gained) -> int:
    """Put the readings that came after the base beside the others; returns how many they are."""
    day, base = tables.day, gained.bases[ADX_READINGS.name]
    old, new = export.counts(base)
    if base >= tables.attempt.batch or not new:
        return 0
    export.refuse_neighbours(base)
    there = tables.count(ADX_READINGS, "recorded_at", gained.hours)
    if there != old:
        raise NotAppendableError(f"Kusto holds {there} readings of the hours in question and Silver held {old}")
    before = gained.survey.held(kusto_name(ADX_READINGS), day)
    tables.clear(ADX_READINGS, gained.survey)
    tags = {day: tables.attempt.tags(day, before.rows + new)}
    gathered = tables.staging.ingest(((day, data) for data in export.gained(base)), tags, {day: new})

    def leaving(found: Survey, _: date) -> list[str]:
        tables.same(ADX_READINGS, before, found)
        return []

    tables.verify(ADX_READINGS, before.rows + new, tables.staging.swap(ADX_READINGS, [day], gathered, leaving))
    return new
