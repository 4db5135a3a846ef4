"""Stop 5 of the data path: readings of a date, from Silver through Azure Data Explorer to Gold Delta.

Belongs here: which dates take which way, and the load of whole dates: everything of a date is made anew. Each step may
be cut short and taken up again: nothing is swapped before it is counted, and what is already there is not done twice.
Does not: which dates are due (`state`), a date that only gained readings (`append`), the rows (`export`), what a stage
goes through (`staging`), the copy (`copying`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assets.date_state import held as batch_of
from assets.date_state import loaded, record
from assets.gold import database, extents
from assets.gold.append import append, settle
from assets.gold.changes import NotAppendableError
from assets.gold.copying import copy_level
from assets.gold.export import Expected, Export, instants
from assets.gold.extents import Attempt, Held, Survey, by_date
from assets.gold.hours import DateTables
from assets.gold.kinds import KIND_SOURCES, Kinds
from assets.gold.mend import mend, sums_of
from assets.gold.pinned import PinnedLake
from assets.gold.reach import changed, dates_reached
from assets.gold.staging import LoadError, Progress, Query, Staging
from assets.silver.snapshot import Snapshot
from lake.store import Lake
from quality.contracts.kusto import kusto_name, stage_name
from quality.contracts.model import Table
from quality.contracts.tables import ADX_READINGS, LEVEL_TABLES, LevelTable
from settings.failpoints import reach

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

__all__ = ["DATES_AT_ONCE", "DateLoad", "LoadError", "load_dates"]

DATES_AT_ONCE = 31
"""Dates read, queued and swapped together."""
NEAR = timedelta(days=7)
"""Dates nearer than this are read together: passing over the days between costs less than another round of commands."""


@dataclass(frozen=True)
class DateLoad:
    """What was done about one date.

    `rows` per table of Kusto: what it holds of the date now; `added`: readings that were new; `windows` per level: how
    many were computed and written; `why`: what kept a date that had been loaded before from taking new readings only.
    """

    date: date
    mode: Literal["full", "append", "skip"]
    rows: Mapping[str, int] = field(default_factory=dict)
    added: int = 0
    windows: Mapping[str, int] = field(default_factory=dict)
    why: str = ""

    @property
    def skipped(self) -> bool:
        """Whether the date held the batch already."""
        return self.mode == "skip"


def load_dates(
    lake: Lake,
    kusto: Kusto,
    snapshot: Snapshot,
    dates: Sequence[date],
    on_progress: Progress | None = None,
    *,
    again: bool = False,
    spill: Path | None = None,
) -> list[DateLoad]:
    """Bring dates of recorded_at to the snapshot's batch, in Azure Data Explorer and Gold Delta.

    A date that holds this batch or a later one is skipped, and one that was loaded and only gained readings since gets
    those and the windows they lie in. Not so with `again`: then what Azure Data Explorer really holds is looked at, and
    what is missing or was made by other KQL is made anew. Dates without readings are emptied everywhere. `spill`:
    folder for what memory does not hold.
    Raises: LoadError, CopyError, KustoRefusedError; running the dates again finishes what is missing.
    """
    say, lake = on_progress or (lambda _: None), PinnedLake.over(lake)
    wanted, state, lake_id = sorted(set(dates)), loaded(lake, "readings"), lake.identity()
    due = [day for day in wanted if again or state.get(day, 0) < snapshot.batch]
    done: dict[date, DateLoad] = {day: DateLoad(day, "skip") for day in wanted}
    whole: dict[date, str] = {}
    # First what a date hands over to its neighbours: once the date itself is recorded, nobody would look again.
    reached = dates_reached(lake, snapshot, due, state)
    if reached:
        database.deploy(kusto)
    for day in reached:
        say(f"gold: counters and states of {day} change with its neighbour at Silver batch {snapshot.batch}")
        tables = DateTables(lake, kusto, Attempt.new(lake_id, snapshot.batch), day, say)
        mend(tables, snapshot, spill=spill)
        settle(tables)
    for day in due:
        tables = DateTables(lake, kusto, Attempt.new(lake_id, snapshot.batch), day, say)
        if again or day not in state:
            whole[day] = ""
            continue
        try:
            readings = append(tables, snapshot, state[day], spill=spill)
        except NotAppendableError as reason:
            whole[day] = str(reason)
            continue
        if changed(lake, snapshot, day, state[day]):
            mend(tables, snapshot, spill=spill)
        settle(tables)
        say(f"gold: {day} gained {readings} readings; {sum(tables.windows.values())} windows computed")
        done[day] = DateLoad(day, "append", tables.rows, readings, tables.windows)
    if whole:
        database.deploy(kusto)
    for group in _runs(sorted(whole)):
        say(f"gold: {group[0]} to {group[-1]} ({len(group)} dates) at Silver batch {snapshot.batch}")
        for load in _Load(lake, kusto, snapshot, group, say, spill=spill).run():
            done[load.date] = replace(load, why=whole[load.date])
    return [done[day] for day in wanted]


def _runs(dates: Sequence[date]) -> Iterator[list[date]]:
    """Near dates together, so that Silver is read and Kusto is asked once for them."""
    group: list[date] = []
    for day in dates:
        if group and (day - group[-1] > NEAR or len(group) == DATES_AT_ONCE):
            yield group
            group = []
        group.append(day)
    if group:
        yield group


class _Load:
    """One run of neighbouring dates on its way."""

    def __init__(
        self,
        lake: Lake,
        kusto: Kusto,
        snapshot: Snapshot,
        dates: Sequence[date],
        say: Progress,
        *,
        spill: Path | None,
    ) -> None:
        self._lake, self._kusto, self._say, self._spill = lake, kusto, say, spill
        self._dates = list(dates)
        self._snapshot = snapshot
        self._attempt = Attempt.new(lake.identity(), snapshot.batch)
        self._staging = Staging(kusto, self._attempt, self._dates, say)
        self._expected: dict[date, Expected] = {}
        self._hours: dict[date, int] = {}
        self._sums: dict[str, dict[date, dict[int, tuple[int, str]]]] = {}

    def run(self) -> list[DateLoad]:
        before = self._staging.survey(*database.SWAPPED)
        with Export(self._lake, self._snapshot.readings, self._dates, spill=self._spill) as export:
            self._expected, self._hours = export.expected(), export.hours()
            self._fill(ADX_READINGS, before, partial(self._ingest, ADX_READINGS, export.files))
        self._fill_kinds(before)
        reach("gold.after_swap")
        self._fill_levels(LEVEL_TABLES, before)
        read = {day: self._expected[day].rows for day in self._dates}
        record(self._lake, self._attempt.lake_id, "readings", self._attempt.batch, read)
        return [self._done(day) for day in self._dates]

    def _fill_kinds(self, before: Survey) -> None:
        with Kinds(self._lake, self._snapshot.readings, self._dates, spill=self._spill) as kinds:
            for day, rows in kinds.expected().items():
                self._expected[day].tables.update(rows)
            for source in KIND_SOURCES:
                self._sums[source.name] = kinds.sums(source)
                self._fill(source, before, partial(self._ingest, source, partial(kinds.files, source)))

    def _fill_levels(self, levels: Sequence[LevelTable], before: Survey) -> None:
        # While one level is copied to Delta, Kusto computes the next.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gold-copy") as copier:
            copies = []
            for made in levels:
                self._fill(made.table, before, partial(self._aggregate, made))
                reach("gold.after_level")
                copies.append(copier.submit(self._copy, made.table))
            for copy in copies:
                self._say(copy.result())

    def _done(self, day: date) -> DateLoad:
        found = self._expected[day]
        levels = {kusto_name(made.table) for made in LEVEL_TABLES}
        windows = {name: rows for name, rows in found.tables.items() if name in levels}
        return DateLoad(day, "full", found.tables, found.rows, windows)

    def _copy(self, table: Table) -> str:
        rows = {day: self._rows(table, day) for day in self._dates}
        if not any(rows.values()) and not self._was_copied(table):
            return f"gold: {table.path} has nothing of {len(rows)} dates"
        copy_level(self._lake, self._kusto, table, rows, lake_id=self._attempt.lake_id, batch=self._attempt.batch)
        reach("gold.after_copy")
        return f"gold: {table.path} holds {sum(rows.values())} rows of {len(rows)} dates"

    def _was_copied(self, table: Table) -> bool:
        if not self._lake.exists(table):
            return False
        target = self._lake.open(table)
        return any(batch_of(target, self._attempt.lake_id, table, day) is not None for day in self._dates)

    def _rows(self, table: Table, day: date) -> int:
        return self._expected[day].tables[kusto_name(table)]

    def _fill(self, table: Table, before: Survey, gather: Callable[[list[date]], Survey]) -> None:
        """Make the table hold the expected rows of every date: gather in the stage, count, swap, count again."""
        target, stage = kusto_name(table), stage_name(table)
        missing = self._missing(table, before)
        arriving = [day for day in missing if self._rows(table, day)]
        after: Survey | None = None
        if arriving:
            extents.drop(self._kusto, stage, [by_date(day) for day in arriving if before.held(stage, day).rows])
            gathered = gather(arriving)
            after = self._staging.swap(table, arriving, gathered, partial(self._leaving, table))
        gone = [day for day in missing if not self._rows(table, day)]
        if gone:
            extents.drop(self._kusto, target, [by_date(day) for day in gone])
        if not missing:
            return
        if gone or after is None:
            after = extents.look(self._kusto, [target], self._dates)
        if wrong := self._missing(table, after):
            raise LoadError(
                f"{target} at {self._kusto.uri} does not hold what was swapped in for "
                f"{', '.join(map(str, wrong))}. Another loader may be at work: run the dates again."
            )

    def _leaving(self, table: Table, survey: Survey, day: date) -> list[str]:
        """All the table holds of the date, unless another loader has brought a newer batch meanwhile."""
        held = survey.held(kusto_name(table), day)
        self._staging.refuse_newer(table, day, held)
        return held.ids

    def _missing(self, table: Table, survey: Survey) -> list[date]:
        """Dates of which the table does not hold the expected rows; refuses to go back behind a newer batch."""

        def lacks(day: date, held: Held) -> bool:
            self._staging.refuse_newer(table, day, held)
            return not held.is_from(self._attempt, day, self._rows(table, day))

        return [day for day in self._dates if lacks(day, survey.held(kusto_name(table), day))]

    def _ingest(self, source: Table, files_of: Callable[[date, int], Iterator[bytes]], dates: list[date]) -> Survey:
        wanted = {day: self._rows(source, day) for day in dates}
        files = ((day, data) for day in dates for data in files_of(day, wanted[day]))
        tags = {day: self._tags(source, day, wanted[day]) for day in dates}
        return self._staging.ingest(files, tags, wanted, source)

    def _aggregate(self, made: LevelTable, dates: list[date]) -> Survey:
        wanted = {day: self._rows(made.table, day) for day in dates}
        queries = [
            Query(
                day,
                database.level_query(made, *instants(day, day)),
                self._tags(made.source, day, wanted[day]),
            )
            for day in dates
        ]
        gathered = self._staging.compute(made.table, queries, wanted)
        self._say(f"gold: {kusto_name(made.table)} computed for {len(dates)} dates")
        return gathered

    def _tags(self, source: Table, day: date, rows: int) -> list[str]:
        """Tags of extents that hold rows of a source, or windows computed from it."""
        if source == ADX_READINGS:
            return self._attempt.tags(day, rows, self._hours.get(day))
        hours = self._sums[source.name].get(day, {})
        return self._attempt.tags(day, rows, sum(1 << hour for hour in hours), sums_of(hours))
