"""Gold's hourly and daily files into tables of a DuckDB file, by a statement each: what moving the bytes costs.

No dates, transaction over all tables, counts or state.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measured import child
from lake.store import Lake
from quality.contracts.warm import STAGED


def work(job: dict[str, Any]) -> int:
    """Every staged table that has dates."""
    lake, rows = Lake(job["lake"]), 0
    with duckdb.connect(str(Path(job["out"]) / "plain.duckdb")) as db:
        for table in (staged.table for staged in STAGED if staged.date_column):
            columns = ", ".join(f'"{name}"' for name in table.names)
            files = lake.open(table).file_uris()
            db.execute(f"CREATE TABLE {table.name} AS SELECT {columns} FROM read_parquet({files!r})")
            rows += int(db.execute(f"SELECT count(*) FROM {table.name}").fetchall()[0][0])
    return rows


if __name__ == "__main__":
    child(work)
