"""Some hours of one date of one table in Azure Data Explorer and Gold Delta, put in place of what was there.

Belongs here: replacing hours without touching the others: an extent that holds both is taken apart, and what is not
replaced is carried over; counting before and after; the same hours in Delta.
Does not: which hours those are (`append`, `mend`), what a stage goes through (`staging`), or reading Kusto (`copying`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from assets.date_state import held
from assets.gold import database, extents
from assets.gold.changes import spans_of
from assets.gold.copying import copy_level, copy_windows
from assets.gold.export import instants
from assets.gold.extents import ALL_HOURS, Attempt, Held, Survey, by_date
from assets.gold.staging import LoadError, Progress, Query, Staging
from lake.store import Lake
from quality.contracts.kusto import identifier, kusto_name, literal, stage_name
from quality.contracts.model import Table
from quality.contracts.tables import LEVELS, LevelTable
from settings.failpoints import reach

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

_DAY_SECONDS = LEVELS["1d"]


@dataclass(frozen=True)
class Change:
    """Hours of a table to replace: how many rows there must be in them, and what their extents say beside that."""

    hours: int
    wanted: int
    sums: str | None = None
    whole: bool = False
    """Whether what the table holds of the date goes altogether, whatever it is."""


@dataclass
class DateTables:
    """The tables of one date, on the way to one Silver batch."""

    lake: Lake
    kusto: Kusto
    attempt: Attempt
    day: date
    say: Progress
    rows: dict[str, int] = field(default_factory=dict)
    """Kusto table to the rows it holds of the date, as far as looked at."""
    windows: dict[str, int] = field(default_factory=dict)
    """Level to the windows computed anew."""

    @property
    def staging(self) -> Staging:
        """The stages of the one date."""
        return Staging(self.kusto, self.attempt, [self.day], self.say)

    def held(self, table: Table, survey: Survey) -> Held:
        """What the table holds; refuses to go back behind a newer batch."""
        found = survey.held(kusto_name(table), self.day)
        self.staging.refuse_newer(table, self.day, found)
        self.rows[kusto_name(table)] = found.rows
        return found

    def copied(self, table: Table) -> int | None:
        """The batch Gold Delta holds the date at; None where it never was written."""
        return held(self.lake.open(table), self.attempt.lake_id, table, self.day) if self.lake.exists(table) else None

    def count(self, table: Table, column: str, hours: int) -> int:
        """Rows Kusto holds in those hours."""
        return self._counted(f"{identifier(kusto_name(table))} | where {_within(column, self.day, hours)} | count")

    def series(self, finer: Table) -> int:
        """Windows of a whole day, counted from those of the level below, which Silver's own count has confirmed."""
        names = [name for name in (*finer.key, "unit") if name != "window_start" and name in finer.names]
        of_day = _within("window_start", self.day, ALL_HOURS)
        distinct = ", ".join(map(identifier, dict.fromkeys(names)))
        return self._counted(f"{identifier(kusto_name(finer))} | where {of_day} | distinct {distinct} | count")

    def _counted(self, query: str) -> int:
        (count,) = self.kusto.query(query)["Count"].to_pylist()
        return int(count)

    def same(self, table: Table, before: Held, survey: Survey) -> Held:
        """What the table holds, which must be what was built on; which extents it is in does not matter."""
        found = survey.held(kusto_name(table), self.day)
        self.staging.refuse_newer(table, self.day, found)
        if found.state(self.attempt.lake_id, self.day) != before.state(self.attempt.lake_id, self.day):
            self.staging.give_up(table, f"another loader changed {self.day} meanwhile")
        return found

    def verify(self, table: Table, rows: int, after: Survey | None = None) -> None:
        """Raises: LoadError where the table, as seen `after` it was written, has not so many rows at this batch."""
        target = kusto_name(table)
        found = (after or extents.look(self.kusto, [target], [self.day])).held(target, self.day)
        proven = found.proven(self.attempt.lake_id, self.day)
        if found.rows != rows or (rows and proven != self.attempt.batch):
            raise LoadError(
                f"{target} at {self.kusto.uri} has {found.rows} rows of {self.day} and not the {rows} it must have at "
                f"Silver batch {self.attempt.batch}. Another loader may be at work: run the date again."
            )
        self.rows[target] = rows

    def clear(self, table: Table, survey: Survey) -> None:
        """Drop what an earlier attempt at the date left in the stage."""
        if survey.held(stage_name(table), self.day).rows:
            extents.drop(self.kusto, stage_name(table), [by_date(self.day)])

    def replace_rows(self, table: Table, column: str, survey: Survey, change: Change, files: Iterable[bytes]) -> None:
        """Replace hours of a source by files."""

        def gather(total: int) -> list[Query]:
            tags = self.attempt.tags(self.day, total, change.hours, change.sums)
            found = ((self.day, data) for data in files)
            self.staging.ingest(found, {self.day: tags}, {self.day: change.wanted}, table)
            return []

        self._replace(table, column, survey, change, gather)

    def replace_windows(self, made: LevelTable, survey: Survey, change: Change) -> None:
        """Replace hours of a level by what Kusto computes from its source."""
        self.windows[kusto_name(made.table)] = change.wanted

        def gather(total: int) -> list[Query]:
            return [
                Query(
                    self.day,
                    database.level_query(made, since, until),
                    self.attempt.tags(self.day, total, bits, change.sums),
                )
                for since, until, bits in spans_of(self.day, change.hours)
            ]

        self._replace(made.table, "window_start", survey, change, gather)

    def _replace(
        self, table: Table, column: str, survey: Survey, change: Change, gather: Callable[[int], list[Query]]
    ) -> None:
        before = survey.held(kusto_name(table), self.day)

        def leaving(found: Held) -> list[extents.Extent]:
            return [extent for extent in found.extents if change.whole or extent.hours & change.hours]

        going = sum(extent.rows for extent in leaving(before))
        outdated = self.count(table, column, change.hours) if going and not change.whole else going
        carried, total = going - outdated, before.rows - outdated + change.wanted
        if not going and not change.wanted:
            return
        self.clear(table, survey)
        if not change.wanted + carried:
            # Nothing takes its place, and nothing is left to carry tags.
            extents.drop(self.kusto, kusto_name(table), [by_date(self.day)] if not total else [])
            self.verify(table, total)
            return
        queries = gather(total) if change.wanted else []
        if carried:
            queries.append(self._carried(table, column, leaving(before), change, total))
        gathered = self.staging.compute(table, queries, {self.day: change.wanted + carried})

        def now_leaving(found: Survey, _: date) -> list[str]:
            return [extent.id for extent in leaving(self.same(table, before, found))]

        self.verify(table, total, self.staging.swap(table, [self.day], gathered, now_leaving))

    def _carried(self, table: Table, column: str, going: Iterable[extents.Extent], change: Change, total: int) -> Query:
        other = 0
        for extent in going:
            other |= extent.hours & ~change.hours
        columns = ", ".join(map(identifier, table.names))
        kept = f"{identifier(kusto_name(table))} | where {_within(column, self.day, other)} | project {columns}"
        return Query(self.day, kept, self.attempt.tags(self.day, total, other, change.sums))

    def copy(self, made: LevelTable, hours: int, base: int | None) -> None:
        """Bring Gold Delta to what Kusto holds now: those hours of a date that is at `base` there, or all of it."""
        table, name = made.table, kusto_name(made.table)
        lake_id, batch = self.attempt.lake_id, self.attempt.batch
        if made.seconds < _DAY_SECONDS and base is not None and hours != ALL_HOURS:
            spans = [(since, until) for since, until, _ in spans_of(self.day, hours)]
            wanted = self.windows[name]
            copy_windows(
                self.lake, self.kusto, table, self.day, spans, expected=wanted, lake_id=lake_id, base=base, batch=batch
            )
        else:
            copy_level(self.lake, self.kusto, table, {self.day: self.rows[name]}, lake_id=lake_id, batch=batch)
        reach("gold.after_copy")


def _within(column: str, day: date, hours: int) -> str:
    name = identifier(column)
    spans = [instants(day, day)] if hours == ALL_HOURS else [(since, until) for since, until, _ in spans_of(day, hours)]
    return " or ".join(_between(name, since, until) for since, until in spans)


def _between(name: str, since: datetime, until: datetime) -> str:
    return f"({name} >= {literal(since)} and {name} < {literal(until)})"
