"""Rows on their way into a table of Azure Data Explorer: gathered in its stage, counted, swapped in, counted again.

Belongs here: what a load of whole dates and one of new rows have in common: nothing is swapped before it is counted,
only what this attempt brought is swapped or dropped, and what Kusto left open is looked at and tried again.
Does not: which rows and how many there must be (`load`, `append`), or the text of a command on extents (`extents`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NoReturn

from assets.gold import extents
from assets.gold.extents import Attempt, Held, Survey
from quality.contracts.kusto import identifier, kusto_name, parquet_mapping, stage_name
from quality.contracts.model import Table
from quality.contracts.tables import ADX_READINGS
from settings.failpoints import reach

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

Progress = Callable[[str], None]
_POLL_SECONDS = (0.02, 2.0)
_LOOK_SECONDS = 2.0
_TELL_SECONDS = 10.0
_TRIES = 3


class LoadError(RuntimeError):
    """A stage did not come to hold what it must; the target is as it was."""


@dataclass(frozen=True)
class Query:
    """Rows of one date that Kusto computes, and the tags they get."""

    day: date
    text: str
    tags: Sequence[str]


@dataclass(frozen=True)
class Staging:
    """The stages of one attempt at some dates."""

    kusto: Kusto
    attempt: Attempt
    dates: Sequence[date]
    say: Progress

    def survey(self, *tables: Table) -> Survey:
        """What the tables and their stages hold of the dates now."""
        return extents.look(self.kusto, [name for t in tables for name in (kusto_name(t), stage_name(t))], self.dates)

    def ingest(
        self,
        files: Iterable[tuple[date, bytes]],
        tags: Mapping[date, Sequence[str]],
        wanted: Mapping[date, int],
        table: Table = ADX_READINGS,
    ) -> Survey:
        """Queue files of a table and wait until its stage holds the wanted rows of every date."""
        queued: dict[str, date] = {}
        for day, data in files:
            reach("gold.after_export")
            source = self.kusto.ingest_parquet(data, stage_name(table), parquet_mapping(table), tags[day])
            queued[source] = day
        self.say(f"gold: {sum(wanted.values())} rows of {kusto_name(table)} queued in {len(queued)} files")
        reach("gold.after_queue")
        gathered = self._wait(table, queued, wanted)
        reach("gold.after_ingest")
        return gathered

    def _wait(self, table: Table, queued: Mapping[str, date], wanted: Mapping[date, int]) -> Survey:
        """Until the stage holds every date in full; a report alone proves nothing (a skipped file is a success)."""
        waiting, began = set(queued), time.monotonic()
        pause, looked, told = _POLL_SECONDS[0], began, began
        while True:
            for report in self.kusto.reports():
                if report.failed and report.source_id in queued:
                    self.give_up(table, f"{queued[report.source_id]} was refused: {report.details}")
                waiting.discard(report.source_id)
            late = time.monotonic() - began > self.kusto.ingest_timeout_seconds
            # Reports can get lost (another program may take them), so the stage is looked at without them, too.
            if not waiting or late or time.monotonic() - looked > _LOOK_SECONDS:
                looked = time.monotonic()
                survey = self.survey(table)
                short = self._short(table, survey, wanted)
                if not short:
                    return survey
                if not waiting:
                    self.give_up(table, f"every file was taken, but {short}")
                if late:
                    unreported = f"{len(waiting)} of {len(queued)} files are unreported"
                    self.give_up(table, f"after {looked - began:.0f} s {short}; {unreported}")
                if looked - told > _TELL_SECONDS:
                    told = looked
                    self.say(f"gold: waiting for {len(waiting)} of {len(queued)} files for {looked - began:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, _POLL_SECONDS[1])

    def compute(self, table: Table, queries: Sequence[Query], wanted: Mapping[date, int]) -> Survey:
        """Have Kusto compute rows into the stage; it then holds the wanted rows of every date."""
        from orchestration.resources.kusto import KustoUnknownError  # noqa: PLC0415 - Azure's SDK takes 2 s to import

        for turn in range(1, _TRIES + 1):
            try:
                for query in queries:
                    tags = extents.tags_property(query.tags)
                    self.kusto.command(
                        f".set-or-append {identifier(stage_name(table))} with (tags = {tags}) <| {query.text}"
                    )
                break
            except KustoUnknownError as error:
                # Rows may be there twice if it is simply repeated, so what there is of this attempt goes first.
                if turn == _TRIES:
                    raise
                self.say(f"gold: {stage_name(table)} is gathered anew: {error}")
                extents.drop(self.kusto, stage_name(table), [self.attempt.tag])
        survey = self.survey(table)
        if short := self._short(table, survey, wanted):
            self.give_up(table, f"KQL and Silver disagree on the windows: {short}")
        return survey

    def swap(
        self,
        table: Table,
        dates: Collection[date],
        gathered: Survey,
        leaving: Callable[[Survey, date], Collection[str]],
    ) -> Survey:
        """Put what was gathered of the dates in place of the extents that `leaving` finds in the target.

        Kusto merges extents when it likes, and another loader may have swapped: then the target is looked at anew, and
        `leaving` is asked again; it raises where what is there now is no longer what was built on.
        Returns: what the table and its stage hold afterwards.
        """
        survey = gathered
        for _ in range(_TRIES):
            going = [name for day in dates for name in leaving(survey, day)]
            extents.swap(self.kusto, table, dates, survey=survey, attempt=self.attempt, leaving=going)
            survey = self.survey(table)
            if not any(survey.held(stage_name(table), day, self.attempt).rows for day in dates):
                return survey
        return self.give_up(table, f"it changed {_TRIES} times while it was to be swapped")

    def refuse_newer(self, table: Table, day: date, held: Held) -> None:
        """Raises: LoadError where the table holds a newer batch of the date; it never goes back."""
        newest = held.newest_batch(self.attempt.lake_id)
        if newest > self.attempt.batch:
            raise LoadError(
                f"{kusto_name(table)} at {self.kusto.uri} holds {day} at Silver batch {newest}, which is newer than "
                f"{self.attempt.batch}. Another loader is ahead: this one has nothing to do."
            )

    def _short(self, table: Table, survey: Survey, wanted: Mapping[date, int]) -> str:
        """How the stage differs from what it must hold, in words; empty where it does not."""
        held = {day: survey.held(stage_name(table), day, self.attempt).rows for day in wanted}
        return "; ".join(f"{day} has {rows} of {wanted[day]} rows" for day, rows in held.items() if rows != wanted[day])

    def give_up(self, table: Table, why: str) -> NoReturn:
        """Drop what this attempt brought, and only that: another loader may be counting its own."""
        extents.drop(self.kusto, stage_name(table), [self.attempt.tag])
        raise LoadError(
            f"{stage_name(table)} at {self.kusto.uri} (database {self.kusto.database!r}): {why}. "
            f"{kusto_name(table)} is as it was. Look at `.show ingestion failures`, then run the dates again."
        )
