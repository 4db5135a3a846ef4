"""How many rows every table of Azure Data Explorer must hold, counted in DuckDB from what it is to be computed from.

Belongs here: counts of sources and of the windows of each level. A load compares them with what KQL made.
Does not: the rows (`export`, `kinds`) or the comparison (`load`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb

from quality.contracts.kusto import kusto_name
from quality.contracts.model import Table
from quality.contracts.tables import LEVEL_TABLES


@dataclass(frozen=True)
class Source:
    """Rows laid out in DuckDB for `table`: in `view`, each at `moment`; levels see those that are `seen`."""

    table: Table
    view: str
    moment: str
    seen: str = "true"


def count_rows(db: duckdb.DuckDBPyConnection, sources: Iterable[Source]) -> dict[tuple[date, str], int]:
    """Date and Kusto table to its rows, for the sources and their levels; what has none is left out."""
    windows, counts = [], []
    for source in sources:
        counts.append(_count(source.table, source.view))
        # Windows of a level are counted from those of the finer one: each divides the next.
        start, rows = f"epoch_us({source.moment})", f"{source.view} WHERE {source.seen}"
        for made in (made for made in LEVEL_TABLES if made.source == source.table):
            length, name = made.seconds * 1_000_000, made.table.name
            windows.append(
                f"{name} AS MATERIALIZED (SELECT DISTINCT event_date, {', '.join(_of(made.table))}, "
                f"{start} // {length} * {length} AS started FROM {rows})"
            )
            start, rows = "started", name
            counts.append(_count(made.table, name))
    found = db.execute(f"WITH {', '.join(windows)} {' UNION ALL '.join(counts)}").fetchall()
    return {(day, name): int(count) for day, name, count in found}


def _count(table: Table, rows: str) -> str:
    return f"SELECT event_date, '{kusto_name(table)}', count(*) FROM {rows} GROUP BY event_date"


def _of(level: Table) -> list[str]:
    """What a window of the level is of, beside its time."""
    return [name for name in ("unit", *level.key) if name in level.names and name != "window_start"]
