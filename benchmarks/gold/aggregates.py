"""What every contender computes, and whether they computed the same.

Belongs here: the levels, their percentiles, which rows are read, and sums by which results are compared. Does not: how
anybody computes them.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from benchmarks.gold.silver import EVERY_S
from lake.store import Lake
from quality.contracts.gold_tables import LEVELS
from quality.contracts.gold_tables import PERCENTILES as PERCENT
from quality.contracts.tables import AGGREGATES, READINGS

WINDOWS = LEVELS
"""Levels and their length in seconds."""
PERCENTILES = {name: percent / 100 for name, percent in PERCENT.items()}
"""Of levels of an hour and more: the smallest value that this share does not exceed."""
EXPECTED_S = EVERY_S
CLOSE = 1e-9
"""Sums of floats depend on their order."""
Totals = dict[str, tuple[float, ...]]


def files(job: dict[str, Any]) -> list[str]:
    """Silver's data files."""
    return DeltaTable(Lake(job["lake"]).uri(READINGS)).file_uris()


def between(job: dict[str, Any]) -> tuple[datetime, datetime] | None:
    """The one date that is asked for; None: all."""
    if not job.get("date"):
        return None
    begin = datetime.combine(date.fromisoformat(job["date"]), datetime.min.time(), UTC)
    return begin, begin + timedelta(days=1)


def totals(folder: Path, lake: Lake | None = None, day: str = "") -> Totals:
    """Rows and the sum of each number, by level: of the files in a folder, or of Gold where a lake is given."""
    found: Totals = {}
    with duckdb.connect() as db:
        for level, table in AGGREGATES.items():
            paths = lake.open(table).file_uris() if lake else [str(path) for path in (folder / level).glob("*.parquet")]
            numbers = [column.name for column in table.columns if column.type in {"double", "long"}]
            sums = ", ".join(f"fsum({name})" for name in numbers)
            where = f"WHERE window_start::DATE = '{day}'" if day else ""
            row = db.execute(f"SELECT count(*), {sums} FROM read_parquet({paths!r}) {where}").fetchone()
            assert row is not None
            found[level] = tuple(float(value or 0) for value in row)
    return found


def difference(ours: Totals, theirs: Totals) -> str:
    """The first thing that is not the same; empty where all is."""
    for level, table in AGGREGATES.items():
        names = ["rows", *(column.name for column in table.columns if column.type in {"double", "long"})]
        for name, mine, other in zip(names, ours[level], theirs[level], strict=True):
            if not math.isclose(mine, other, rel_tol=CLOSE, abs_tol=CLOSE):
                return f"{level}: {name} {other!r} where Gold has {mine!r}"
    return ""
