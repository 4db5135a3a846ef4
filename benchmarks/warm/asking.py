"""The analysts' questions over marts that grow by days: each asked three times, the median counts.

The marts are a real build's; its first day is repeated with other values until there are enough. Answers are taken over
as Arrow, as a client would.
"""

from __future__ import annotations

import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.gold.stages import Stages
from benchmarks.silver.warmed import child_with_children

QUERIES = sorted((Path(__file__).parents[2] / "docs" / "analysts" / "queries").glob("*.sql"))
DATES = ("event_date", "local_date", "enqueued_date")
AT_ONCE = 10
"""Days of one insertion."""
TIMES = 3
_VALUES = ("min_value", "max_value", "avg_value", "first_value", "last_value", "p05_value", "p50_value", "p95_value")


def facts(db: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Marts with a date, and its column."""
    found = db.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'marts' "
        "AND table_name LIKE 'fct_%' AND column_name IN (SELECT unnest(?)) ORDER BY ALL",
        [list(DATES)],
    ).fetchall()
    return dict(found)


def grow(db: duckdb.DuckDBPyConnection, table: str, date_column: str, first: int, last: int) -> None:
    """Days `first` to `last` (exclusive) after the first one of a mart, made of that."""
    names = {name for (name,) in db.execute(f"SELECT column_name FROM (DESCRIBE marts.{table})").fetchall()}
    made = {
        date_column: f"({date_column} + n::INTEGER)",
        "date_key": f"strftime({date_column} + n::INTEGER, '%Y%m%d')::INTEGER",
        "window_start": "window_start + to_days(n::INTEGER)",
        **{name: f"{name} + n * 7 % 31 / 10" for name in _VALUES},
    }
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in made.items() if name in names)
    for begin in range(first, last, AT_ONCE):
        db.execute(
            f"INSERT INTO marts.{table} SELECT * EXCLUDE (n) REPLACE ({replaced}) FROM "
            f"(SELECT * FROM marts.{table} WHERE {date_column} = (SELECT min({date_column}) FROM marts.{table})), "
            "(SELECT n FROM range(?, ?) AS days(n))",
            [begin, min(begin + AT_ONCE, last)],
        )


def ask(db: duckdb.DuckDBPyConnection, query: str) -> tuple[float, int]:
    """Median milliseconds and rows of the answer."""
    took = []
    rows = 0
    for _ in range(TIMES):
        begun = time.perf_counter()
        rows = db.sql(query).to_arrow_table().num_rows
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took), rows


def prepare(job: dict[str, Any]) -> Path:
    """A copy of the published database."""
    copy = Path(job["out"]) / "asked.duckdb"
    shutil.copyfile(job["database"], copy)
    return copy


def work(job: dict[str, Any], database: Path) -> int:
    """A stage for each size: the marts filled, the questions asked."""
    stages = Stages(Path(job["out"]))
    limits = {"memory_limit": job["memory"], "temp_directory": str(database.parent / "spill")}
    limits["max_temp_directory_size"] = job["disk"]
    with duckdb.connect(str(database), config=limits) as db:
        db.execute("SET TimeZone = 'UTC'")
        held = job["held"]
        for days in job["days"]:
            with stages.stage("fill") as stage:
                for table, column in facts(db).items():
                    grow(db, table, column, held, days)
                db.execute("CHECKPOINT")
            held = max(held, days)
            with stages.stage("ask") as stage:
                asked = {path.stem: ask(db, path.read_text()) for path in QUERIES}
                stage.rows = db.execute("SELECT count(*) FROM marts.fct_readings_hourly").fetchall()[0][0]
                stage.says = {"asked": asked, "bytes": database.stat().st_size}
    return 1


if __name__ == "__main__":
    child_with_children(prepare, work)
