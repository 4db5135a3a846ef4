"""Extents of Azure Data Explorer by their tags: counted, dropped, swapped.

Belongs here: the tags a load writes, what they prove, and the commands that find extents by them. Every extent of a
load carries `drop-by:<date>` (what a later load of the date replaces), `drop-by:try-<attempt>` (so that a stage holding
what an earlier, killed attempt had queued is never mistaken for ours, and the two are never merged),
`load:<lake>/<date>/<batch>/<kql digest>` (what it was loaded for) and `holds:<batch>/<rows>` (how many rows of the date
the table has once this load is in). Beside the readings themselves it carries `hours:<bits>` (of which hours it holds
rows), and beside all gauges `sums:<hash of each hour>` (what the table, or its source, has in each hour of the date).

What a table holds of a date is told by its newest load: that batch, if all extents are of one lake and one KQL and
together have the rows the newest one tells. An extent lost to retention or by hand shows in the count.
Does not: the order of steps (`load`, `append`), or expected counts (`export`).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from assets.gold import database
from quality.contracts.kusto import identifier, kusto_name, literal, stage_name
from quality.contracts.model import Table

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

ALL_HOURS = (1 << 24) - 1
"""Bit n is the hour that begins at n o'clock."""

_LOAD = re.compile(r"load:(?P<lake>[^/\s]+)/(?P<day>\d{4}-\d\d-\d\d)/(?P<batch>\d+)/(?P<digest>\w+)")
_HOLDS = re.compile(r"holds:(?P<batch>\d+)/(?P<rows>\d+)")
_SUMS = "sums:"
_HOURS = re.compile(r"hours:(?P<bits>[0-9a-f]{6})")


@dataclass(frozen=True)
class Attempt:
    """One try at loading dates at one batch; its name is used once."""

    lake_id: str
    batch: int
    name: str

    @classmethod
    def new(cls, lake_id: str, batch: int) -> Attempt:
        """A try nobody has made before."""
        return cls(lake_id, batch, uuid.uuid4().hex[:12])

    @property
    def tag(self) -> str:
        """On every extent of this try, and on no other."""
        return f"drop-by:try-{self.name}"

    def load(self, day: date) -> str:
        """What an extent of `day` was loaded for."""
        return f"load:{self.lake_id}/{day.isoformat()}/{self.batch}/{database.digest()}"

    def tags(self, day: date, holds: int, hours: int | None = None, sums: str | None = None) -> list[str]:
        """All tags of an extent with rows of `day`; `holds` is the table's rows of the date once it is in."""
        told = [by_date(day), self.tag, self.load(day), f"holds:{self.batch}/{holds}"]
        told += [] if hours is None else [f"hours:{hours:06x}"]
        return told if sums is None else [*told, f"{_SUMS}{sums}"]


@dataclass(frozen=True)
class Extent:
    """One extent as a listing shows it."""

    id: str
    table: str
    rows: int
    tags: frozenset[str]

    @property
    def hours(self) -> int:
        """The hours it holds windows of; all, where it does not tell."""
        # Kusto may have merged two of one try: then it is of the hours of both.
        bits = [int(found["bits"], 16) for tag in self.tags if (found := _HOURS.fullmatch(tag))]
        return reduce(or_, bits) if bits else ALL_HOURS


@dataclass(frozen=True)
class Held:
    """What a table holds of one date."""

    extents: tuple[Extent, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of the date."""
        return sum(extent.rows for extent in self.extents)

    @property
    def ids(self) -> list[str]:
        """The extents' names."""
        return [extent.id for extent in self.extents]

    @property
    def _tags(self) -> set[str]:
        return {tag for extent in self.extents for tag in extent.tags}

    def is_from(self, attempt: Attempt, day: date, rows: int) -> bool:
        """Whether these are the expected rows of that lake, date, batch and KQL; nothing is nothing of any load."""
        return self.rows == rows and (rows == 0 or self._batch(attempt.lake_id, day) == attempt.batch)

    def proven(self, lake_id: str, day: date) -> int:
        """The batch the table holds the date at, as far as tags and counts can tell; 0 where they cannot."""
        batch = self._batch(lake_id, day)
        told = {int(found["rows"]) for found in map(_HOLDS.fullmatch, self._tags) if found and int(found[1]) == batch}
        return batch if told == {self.rows} else 0

    def state(self, lake_id: str, day: date) -> tuple[int, int, str | None]:
        """Rows, batch and sums: the same as long as no load has changed the date, whatever extents it is in."""
        return self.rows, self.proven(lake_id, day), self.sums(lake_id, day)

    def sums(self, lake_id: str, day: date) -> str | None:
        """What the newest load says each hour has; None where none says so, or the date is not as it left it."""
        newest = f"load:{lake_id}/{day.isoformat()}/{self.proven(lake_id, day)}/{database.digest()}"
        told = {tag for extent in self.extents if newest in extent.tags for tag in extent.tags}
        sums = [tag.removeprefix(_SUMS) for tag in told if tag.startswith(_SUMS)]
        return sums[0] if len(sums) == 1 else None

    def _batch(self, lake_id: str, day: date) -> int:
        loads = [found.groupdict() for found in map(_LOAD.fullmatch, self._tags) if found]
        strange = {(load["lake"], load["day"], load["digest"]) for load in loads} - {
            (lake_id, day.isoformat(), database.digest())
        }
        return 0 if strange else self.newest_batch(lake_id)

    def newest_batch(self, lake_id: str) -> int:
        """The highest Silver batch of that lake among the loads; 0 where there is none."""
        found = (_LOAD.fullmatch(tag) for tag in self._tags)
        return max((int(load["batch"]) for load in found if load and load["lake"] == lake_id), default=0)


@dataclass(frozen=True)
class Survey:
    """The extents of some tables that carry some dates, as they were at one moment."""

    extents: tuple[Extent, ...]

    def held(self, table: str, day: date, attempt: Attempt | None = None) -> Held:
        """What a table held of a date; with `attempt`, only what that try wrote."""
        wanted = {by_date(day)} | ({attempt.tag} if attempt else set())
        return Held(tuple(extent for extent in self.extents if extent.table == table and wanted <= extent.tags))


def by_date(day: date) -> str:
    """The tag by which a date is replaced."""
    return f"drop-by:{day.isoformat()}"


def tags_property(tags: Iterable[str]) -> str:
    """Tags as the `tags` property of an ingestion command."""
    return literal(json.dumps(list(tags)))


def _tagged(table: str, tags: Iterable[str]) -> str:
    return f".show table {identifier(table)} extents | where {_has_any(tags)}"


def _has_any(tags: Iterable[str]) -> str:
    # `contains`, not `has`: no tag of ours is part of another, and many terms of `has` are slow outside Azure.
    return " or ".join(f"Tags contains {literal(tag)}" for tag in tags)


def look(kusto: Kusto, tables: Sequence[str], dates: Iterable[date]) -> Survey:
    """What the tables hold of the dates now."""
    # Whole months are asked for and the dates picked out here: a condition per date would make a long command.
    months = sorted({by_date(day)[: -len("-01")] for day in dates})
    names = ", ".join(identifier(name) for name in tables)
    found = kusto.command(
        f".show tables ({names}) extents | where {_has_any(months)} | project ExtentId, TableName, RowCount, Tags",
        repeatable=True,
    )
    return Survey(
        tuple(
            Extent(
                str(row["ExtentId"]),
                row["TableName"],
                row["RowCount"],
                frozenset(re.findall(r'[^\s,"\[\]]+', row["Tags"])),
            )
            for row in found
        )
    )


def drop(kusto: Kusto, table: str, tags: Sequence[str]) -> None:
    """Remove the extents that carry any of these tags from `table`, explicitly; without tags nothing is asked."""
    if tags:
        kusto.command(f".drop extents from {identifier(table)} <| {_tagged(table, tags)}", repeatable=True)


def swap(
    kusto: Kusto,
    table: Table,
    dates: Collection[date],
    *,
    survey: Survey,
    attempt: Attempt,
    leaving: Collection[str],
) -> None:
    """Put what `attempt` gathered for the dates in place of the extents `leaving`: all of it or nothing.

    Nothing happens unless the target still has exactly the extents of these dates that `survey` saw, so that what
    another loader brought meanwhile is neither dropped nor doubled, and repeating a swap that was done does nothing.
    Kusto does not tell which it was: look at the target.
    """
    target, stage = kusto_name(table), stage_name(table)
    known = [name for day in dates for name in survey.held(target, day).ids]
    arriving = [name for day in dates for name in survey.held(stage, day, attempt).ids]
    kusto.command(
        f".replace extents in table {identifier(target)} <| "
        f"{{ {_if_unchanged(target, dates, known, leaving)} }}, {{ {_if_unchanged(target, dates, known, arriving)} }}",
        repeatable=True,
    )


def _if_unchanged(table: str, dates: Iterable[date], known: Collection[str], answer: Collection[str]) -> str:
    """The extents `answer`, or none if `table` has lost one of `known` or has another of these dates."""
    if not answer:
        return f".show table {identifier(table)} extents | take 0 | project ExtentId"
    seen = ", ".join(map(literal, known)) or literal("")
    named = ", ".join(map(literal, answer))
    return (
        f"{_tagged(table, map(by_date, dates))} "
        f"| summarize found = count(), unchanged = countif(tostring(ExtentId) in ({seen})) "
        f"| where found == {len(known)} and unchanged == {len(known)} "
        f"| extend named = dynamic([{named}]) | mv-expand named to typeof(string) "
        f"| project ExtentId = toguid(named)"
    )
