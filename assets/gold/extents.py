"""Extents of Azure Data Explorer by their tags: counted, dropped, swapped.

Belongs here: the tags a load writes and the commands that find rows by them. Every extent of a load carries
`drop-by:<date>` (what a later load of the date replaces), `drop-by:try-<attempt>` (so that a stage holding what an
earlier, killed attempt had queued is never mistaken for ours, and the two are never merged) and
`load:<lake>/<date>/<batch>/<kql digest>` (what the target holds).
Does not: the order of steps (`load`), or expected counts (`export`).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from assets.gold import database
from quality.contracts.kusto import identifier, kusto_name, literal, stage_name
from quality.contracts.model import Table

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

_LOAD = re.compile(r"load:(?P<lake>[^/\s]+)/(?P<day>\d{4}-\d\d-\d\d)/(?P<batch>\d+)/(?P<digest>\w+)")


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
        """What the target holds once this try has succeeded for `day`."""
        return f"load:{self.lake_id}/{day.isoformat()}/{self.batch}/{database.digest()}"

    def tags(self, day: date) -> list[str]:
        """All tags of an extent with rows of `day`."""
        return [by_date(day), self.tag, self.load(day)]


@dataclass(frozen=True)
class Held:
    """What a table holds of one date: rows, and the tags on them."""

    rows: int = 0
    tags: frozenset[str] = frozenset()

    def is_from(self, attempt: Attempt, day: date, rows: int) -> bool:
        """Whether these are the expected rows of that lake, date, batch and KQL; nothing is nothing of any load."""
        loads = {tag for tag in self.tags if tag.startswith("load:")}
        return self.rows == rows and (rows == 0 or loads == {attempt.load(day)})

    def newest_batch(self, lake_id: str) -> int:
        """The highest Silver batch of that lake among the loads; 0 where there is none."""
        found = (_LOAD.fullmatch(tag) for tag in self.tags)
        return max((int(match["batch"]) for match in found if match and match["lake"] == lake_id), default=0)


@dataclass(frozen=True)
class Survey:
    """The extents of some tables that carry some dates, as they were at one moment: table, rows, tags."""

    extents: tuple[tuple[str, int, frozenset[str]], ...]

    def held(self, table: str, day: date, attempt: Attempt | None = None) -> Held:
        """What a table held of a date; with `attempt`, only what that try wrote."""
        wanted = {by_date(day)} | ({attempt.tag} if attempt else set())
        found = [(rows, tags) for name, rows, tags in self.extents if name == table and wanted <= tags]
        return Held(sum(rows for rows, _ in found), frozenset().union(*(tags for _, tags in found)))


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
        f".show tables ({names}) extents | where {_has_any(months)} | project ExtentId, TableName, RowCount, Tags"
    )
    return Survey(
        tuple((row["TableName"], row["RowCount"], frozenset(re.findall(r'[^\s,"\[\]]+', row["Tags"]))) for row in found)
    )


def drop(kusto: Kusto, table: str, tags: Sequence[str]) -> None:
    """Remove the extents that carry any of these tags from `table`, explicitly; without tags nothing is asked."""
    if tags:
        kusto.command(f".drop extents from {identifier(table)} <| {_tagged(table, tags)}")


def swap(kusto: Kusto, table: Table, dates: Sequence[date], attempt: Attempt) -> None:
    """Replace the dates in the table by what `attempt` put into its stage: both or neither, in one command."""
    target, stage = kusto_name(table), stage_name(table)
    leaving = _tagged(target, (by_date(day) for day in dates))
    arriving = _tagged(stage, [attempt.tag])
    kusto.command(f".replace extents in table {identifier(target)} <| {{ {leaving} }}, {{ {arriving} }}")
