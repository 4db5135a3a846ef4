"""Two Silvers side by side: what would be added, removed and changed, row by row and in sum.

Belongs here: comparing hours of one lake with those of another (a shadow, or the live lake at another version), a few
hours at a time so that memory stays flat.
Does not: building a shadow (`shadow`) or taking it over (`swap`).

A reading is the same one where event and key are the same: its number within the event follows from the order of the
spec's lines and may differ. A quarantine row is the same where event, index and reason are, a duplicate where event
and index are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow.compute as pc

from assets.silver.snapshot import Snapshot
from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import DUPLICATES, EVENT_NAMES, KEY_NAMES, QUARANTINE, READINGS

HOURS_AT_A_TIME = 24
_REFERENCE = (*EVENT_NAMES, "index")
_WINNER = tuple(f"winner_{name}" for name in _REFERENCE)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How rows of one table are told apart and summed up; `shown` is what an example of a row shows."""

    table: Table
    same: tuple[str, ...]
    means: tuple[str, ...]
    sums: tuple[str, ...]
    shown: str


KINDS = (
    Kind(
        table=READINGS,
        same=(*EVENT_NAMES, *KEY_NAMES),
        means=("value", "value_text", "unit", "flags", "recorded_at_source"),
        sums=("mapping_id", "metric"),
        shown="concat_ws(' ', coalesce(cast({0}.value as varchar), {0}.value_text), {0}.unit)",
    ),
    Kind(
        table=QUARANTINE,
        same=(*_REFERENCE, "reason"),
        means=("field", "value", "message"),
        sums=("mapping_id", "reason"),
        shown="{0}.message",
    ),
    Kind(
        table=DUPLICATES,
        same=_REFERENCE,
        means=(*KEY_NAMES, *_WINNER),
        sums=("mapping_id", "metric"),
        shown="concat_ws('/', {0}.winner_hub, {0}.winner_partition_id, {0}.winner_epoch, {0}.winner_sequence_number)",
    ),
)


@dataclass(kw_only=True)
class Comparison:
    """In sum and by example. A line of `sums` has table, mapping_id, metric or reason, and what was counted."""

    hours: tuple[str, ...] = ()
    sums: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Whether any row is added, removed or changed."""
        return any(line[name] for line in self.sums for name in ("added", "removed", "changed"))


@dataclass(frozen=True)
class Side:
    """A lake at one state."""

    lake: Lake
    at: Snapshot


def compare(before: Side, after: Side, hours: Sequence[str], *, rows: int = 20) -> Comparison:
    """What `after` has other than `before` in these hours; at most `rows` rows of each table as examples."""
    totals: dict[tuple[Any, ...], dict[str, Any]] = {}
    found = Comparison(hours=tuple(sorted(hours)))
    for kind in KINDS:
        shown: list[dict[str, Any]] = []
        for some in _portions(found.hours):
            with _side_by_side(before, after, kind, some) as db:
                for line in _dicts(db, _sums(kind)):
                    _add(totals, kind, line)
                if len(shown) < rows:
                    shown += _dicts(db, _rows(kind), {"limit": rows - len(shown)})
        found.rows += shown
    found.sums = [_with_means(line) for line in totals.values()]
    found.sums.sort(key=lambda line: (line["table"], -line["added"] - line["removed"] - line["changed"], str(line)))
    return found


def different_rows(one: Side, other: Side, hours: Sequence[str]) -> dict[str, int]:
    """Rows per table that only one of two has, in all columns but the batch number."""
    counts = {}
    for kind in KINDS:
        names = ", ".join(f'"{name}"' for name in kind.table.names if name != "silver_batch")
        count = 0
        for some in _portions(sorted(hours)):
            with _tables(one, other, kind.table, kind.table.names, some) as db:
                for first, second in (("before", "after"), ("after", "before")):
                    query = (
                        f"select count(*) from (select {names} from {first} except all select {names} from {second})"
                    )
                    count += int(db.execute(query).fetchall()[0][0])
        counts[kind.table.path] = count
    return counts


def _portions(hours: Sequence[str]) -> Iterator[Sequence[str]]:
    """An event lies in one hour, so hours can be compared a few at a time."""
    for start in range(0, len(hours), HOURS_AT_A_TIME):
        yield hours[start : start + HOURS_AT_A_TIME]


@contextmanager
def _side_by_side(before: Side, after: Side, kind: Kind, hours: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    columns = tuple(dict.fromkeys((*_REFERENCE, *kind.same, *kind.means, *kind.sums)))
    with _tables(before, after, kind.table, columns, hours) as db:
        same = " and ".join(f'b."{name}" is not distinct from n."{name}"' for name in kind.same)
        differs = " or ".join(f'b."{name}" is distinct from n."{name}"' for name in kind.means)
        db.execute(
            f"""
            create table pair as
            select case when b.hub is null then 'added' when n.hub is null then 'removed'
                    when {differs} then 'changed' else 'same' end as change,
                b as b, n as n
            from before as b full join after as n on {same}
            """
        )
        yield db


@contextmanager
def _tables(
    before: Side, after: Side, table: Table, columns: Sequence[str], hours: Sequence[str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        for name, side in (("before", before), ("after", after)):
            dataset = side.lake.dataset(table, getattr(side.at, table.name))
            wanted = pc.field("enqueued_hour").isin(list(hours))
            db.register("given", dataset.scanner(columns=list(columns), filter=wanted).to_reader())
            db.execute(f"create table {name} as from given")
            db.unregister("given")
        yield db


def _sums(kind: Kind) -> str:
    by = ", ".join(f"coalesce(n.{name}, b.{name}, '') as {name}" for name in kind.sums)
    values = (
        """, coalesce(sum(b.value), 0) as sum_before, coalesce(sum(n.value), 0) as sum_after,
        count(b.value) as numbers_before, count(n.value) as numbers_after"""
        if kind.table is READINGS
        else ""
    )
    return f"""
        select {by}, count(*) filter (change <> 'added') as before, count(*) filter (change <> 'removed') as after,
            count(*) filter (change = 'added') as added, count(*) filter (change = 'removed') as removed,
            count(*) filter (change = 'changed') as changed {values}
        from pair group by all
    """


def _rows(kind: Kind) -> str:
    event = ", ".join(f"coalesce(n.{name}, b.{name})" for name in EVENT_NAMES)
    by = ", ".join(f"coalesce(n.{name}, b.{name}, '') as {name}" for name in kind.sums)
    return f"""
        select '{kind.table.path}' as "table", concat_ws('/', {event}) as event,
            coalesce(n."index", b."index") as "index", change, {by},
            case when change <> 'added' then {kind.shown.format("b")} end as before,
            case when change <> 'removed' then {kind.shown.format("n")} end as after
        from pair where change <> 'same' order by event, "index", change limit $limit
    """


def _dicts(db: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    result = db.execute(query, parameters or {})
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _add(totals: dict[tuple[Any, ...], dict[str, Any]], kind: Kind, line: dict[str, Any]) -> None:
    by = {name: line.pop(name) for name in kind.sums}
    total = totals.setdefault(
        (kind.table.path, *by.values()), {"table": kind.table.path, **by, **dict.fromkeys(line, 0)}
    )
    for name, count in line.items():
        total[name] += count


def _with_means(line: dict[str, Any]) -> dict[str, Any]:
    """Sums of values as means: what shows a wrong unit at a glance."""
    for side in ("before", "after"):
        if f"sum_{side}" in line:
            total, numbers = line.pop(f"sum_{side}"), line.pop(f"numbers_{side}")
            line[f"mean_{side}"] = total / numbers if numbers else None
    return line
