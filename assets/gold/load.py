"""Stop 5 of the data path: readings of a date, from Silver through Azure Data Explorer to Gold Delta.

Belongs here: the order of steps, and that each may be cut short and taken up again: nothing is swapped before it is
counted, and what is already there is not done twice.
Does not: which dates are due (`state`), the rows (`export`), commands on extents (`extents`), the copy (`copying`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from assets.date_state import loaded, record
from assets.gold import database, extents
from assets.gold.copying import copy_level
from assets.gold.export import Expected, Export
from assets.gold.extents import Attempt, Survey, by_date
from assets.silver.snapshot import Snapshot
from lake.store import Lake
from quality.contracts.kusto import identifier, kusto_name, parquet_mapping, stage_name
from quality.contracts.model import Table
from quality.contracts.tables import ADX_READINGS, AGGREGATES
from settings.failpoints import reach

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

DATES_AT_ONCE = 31
"""Dates read, queued and swapped together."""
NEAR = timedelta(days=7)
"""Dates nearer than this are read together: passing over the days between costs less than another round of commands."""

_POLL_SECONDS = (0.02, 2.0)
_LOOK_SECONDS = 2.0
_TELL_SECONDS = 10.0
Progress = Callable[[str], None]


class LoadError(RuntimeError):
    """A stage did not come to hold what it must; the target is as it was."""


@dataclass(frozen=True)
class DateLoad:
    """What was done about one date; `rows` per table: Readings and the four levels."""

    date: date
    skipped: bool
    rows: Mapping[str, int] = field(default_factory=dict)


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

    A date that holds this batch or a later one is skipped, unless `again`: then what Azure Data Explorer really holds
    is looked at, and what is missing or was made by other KQL is made anew. Dates without readings are emptied
    everywhere. `spill`: folder for what memory does not hold.
    Raises: LoadError, CopyError, KustoRefusedError; running the dates again finishes what is missing.
    """
    say = on_progress or (lambda _: None)
    wanted, state = sorted(set(dates)), loaded(lake, "readings")
    due = [day for day in wanted if again or state.get(day, 0) < snapshot.batch]
    done: dict[date, DateLoad] = {day: DateLoad(day, skipped=True) for day in wanted}
    if due:
        database.deploy(kusto)
    for group in _runs(due):
        say(f"gold: {group[0]} to {group[-1]} ({len(group)} dates) at Silver batch {snapshot.batch}")
        done |= {load.date: load for load in _Load(lake, kusto, snapshot, group, say, spill=spill).run()}
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
        self._expected: dict[date, Expected] = {}

    def run(self) -> list[DateLoad]:
        names = [name for table in database.SWAPPED for name in (kusto_name(table), stage_name(table))]
        before = extents.look(self._kusto, names, self._dates)
        with Export(self._lake, self._snapshot.readings, self._dates, spill=self._spill) as export:
            self._expected = export.expected()
            self._fill(ADX_READINGS, before, partial(self._ingest, export))
        reach("gold.after_swap")
        # While one level is copied to Delta, Kusto computes the next.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gold-copy") as copier:
            copies = []
            for level, table in AGGREGATES.items():
                self._fill(table, before, partial(self._aggregate, level))
                reach("gold.after_level")
                copies.append(copier.submit(self._copy, table))
            for copy in copies:
                self._say(copy.result())
        read = {day: self._expected[day].rows for day in self._dates}
        record(self._lake, self._attempt.lake_id, "readings", self._attempt.batch, read)
        return [DateLoad(day, skipped=False, rows=self._expected[day].tables) for day in self._dates]

    def _copy(self, table: Table) -> str:
        rows = {day: self._rows(table, day) for day in self._dates}
        copy_level(self._lake, self._kusto, table, rows, lake_id=self._attempt.lake_id, batch=self._attempt.batch)
        reach("gold.after_copy")
        return f"gold: {table.path} holds {sum(rows.values())} rows of {len(rows)} dates"

    def _rows(self, table: Table, day: date) -> int:
        return self._expected[day].tables[kusto_name(table)]

    def _fill(self, table: Table, before: Survey, gather: Callable[[list[date]], Survey]) -> None:
        """Make the table hold the expected rows of every date: gather in the stage, count, swap, count again."""
        target, stage = kusto_name(table), stage_name(table)
        missing = self._missing(table, before)
        arriving = [day for day in missing if self._rows(table, day)]
        if arriving:
            extents.drop(self._kusto, stage, [by_date(day) for day in arriving if before.held(stage, day).rows])
            gathered = gather(arriving)
            # Looked at again: another loader may have brought a newer batch meanwhile.
            self._missing(table, gathered)
            extents.swap(self._kusto, table, arriving, self._attempt)
        gone = [day for day in missing if not self._rows(table, day)]
        extents.drop(self._kusto, target, [by_date(day) for day in gone])
        if not missing:
            return
        if wrong := self._missing(table, extents.look(self._kusto, [target], self._dates)):
            raise LoadError(
                f"{target} at {self._kusto.uri} does not hold what was swapped in for "
                f"{', '.join(map(str, wrong))}. Another loader may be at work: run the dates again."
            )

    def _missing(self, table: Table, survey: Survey) -> list[date]:
        """Dates of which the table does not hold the expected rows; refuses to go back behind a newer batch."""
        name, missing = kusto_name(table), []
        for day in self._dates:
            held = survey.held(name, day)
            newest = held.newest_batch(self._attempt.lake_id)
            if newest > self._attempt.batch:
                raise LoadError(
                    f"{name} at {self._kusto.uri} holds {day} at Silver batch {newest}, which is newer than "
                    f"{self._attempt.batch}. Another loader is ahead: this one has nothing to do."
                )
            if not held.is_from(self._attempt, day, self._rows(table, day)):
                missing.append(day)
        return missing

    def _ingest(self, export: Export, dates: list[date]) -> Survey:
        queued: dict[str, date] = {}
        for day in dates:
            for data in export.files(day, self._expected[day].rows):
                reach("gold.after_export")
                source = self._kusto.ingest_parquet(
                    data, stage_name(ADX_READINGS), parquet_mapping(ADX_READINGS), self._attempt.tags(day)
                )
                queued[source] = day
        self._say(f"gold: {sum(self._expected[day].rows for day in dates)} readings queued in {len(queued)} files")
        reach("gold.after_queue")
        gathered = self._wait(queued, dates)
        reach("gold.after_ingest")
        return gathered

    def _wait(self, queued: Mapping[str, date], dates: Sequence[date]) -> Survey:
        """Until the stage holds every date in full; a report alone proves nothing (a skipped file is a success)."""
        waiting, began = set(queued), time.monotonic()
        pause, looked, told = _POLL_SECONDS[0], began, began
        while True:
            for report in self._kusto.reports():
                if report.failed and report.source_id in queued:
                    self._give_up(ADX_READINGS, f"{queued[report.source_id]} was refused: {report.details}")
                waiting.discard(report.source_id)
            late = time.monotonic() - began > self._kusto.ingest_timeout_seconds
            # Reports can get lost (another program may take them), so the stage is looked at without them, too.
            if not waiting or late or time.monotonic() - looked > _LOOK_SECONDS:
                looked = time.monotonic()
                survey = self._survey(ADX_READINGS)
                short = self._short(ADX_READINGS, survey, dates)
                if not short:
                    return survey
                if not waiting:
                    self._give_up(ADX_READINGS, f"every file was taken, but {short}")
                if late:
                    unreported = f"{len(waiting)} of {len(queued)} files are unreported"
                    self._give_up(ADX_READINGS, f"after {looked - began:.0f} s {short}; {unreported}")
                if looked - told > _TELL_SECONDS:
                    told = looked
                    self._say(f"gold: waiting for {len(waiting)} of {len(queued)} files for {looked - began:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, _POLL_SECONDS[1])

    def _aggregate(self, level: str, dates: list[date]) -> Survey:
        table = AGGREGATES[level]
        stage = identifier(stage_name(table))
        for day in dates:
            tags = extents.tags_property(self._attempt.tags(day))
            query = database.level_query(level, day)
            self._kusto.command(f".set-or-append {stage} with (tags = {tags}) <| {query}")
        survey = self._survey(table)
        if short := self._short(table, survey, dates):
            self._give_up(table, f"KQL and Silver disagree on the windows: {short}")
        self._say(f"gold: {kusto_name(table)} computed for {len(dates)} dates")
        return survey

    def _survey(self, table: Table) -> Survey:
        return extents.look(self._kusto, [kusto_name(table), stage_name(table)], self._dates)

    def _short(self, table: Table, survey: Survey, dates: Sequence[date]) -> str:
        """How the stage differs from what it must hold, in words; empty where it does not."""
        held = {day: survey.held(stage_name(table), day, self._attempt).rows for day in dates}
        return "; ".join(
            f"{day} has {rows} of {self._rows(table, day)} rows"
            for day, rows in held.items()
            if rows != self._rows(table, day)
        )

    def _give_up(self, table: Table, why: str) -> NoReturn:
        # Only what this attempt brought: another loader may be counting its own.
        extents.drop(self._kusto, stage_name(table), [self._attempt.tag])
        raise LoadError(
            f"{stage_name(table)} at {self._kusto.uri} (database {self._kusto.database!r}): {why}. "
            f"{kusto_name(table)} is as it was. Look at `.show ingestion failures`, then run the dates again."
        )
