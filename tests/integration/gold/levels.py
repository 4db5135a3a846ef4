"""Every level that KQL makes of a Silver, in one query each: the KQL by itself, without a load around it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from assets.gold import database
from assets.gold.export import Export, instants
from assets.gold.kinds import Kinds
from lake.store import Lake
from orchestration.resources.kusto import Kusto
from quality.contracts.kusto import kusto_name, parquet_mapping
from quality.contracts.model import Table
from quality.contracts.tables import ADX_READINGS, ADX_SOURCES, LEVEL_TABLES, READINGS


class Computed(NamedTuple):
    """Silver's rows, what Kusto makes of them at every level, and how many rows each of its tables must have."""

    readings: pl.DataFrame
    levels: dict[str, pl.DataFrame]
    expected: dict[str, int]


def compute(lake: Lake, version: int, dates: Sequence[date], kusto: Kusto) -> Computed:
    """All dates at once; the database holds nothing else."""
    database.deploy(kusto)
    expected: Counter[str] = Counter()
    with Export(lake, version, dates) as export, Kinds(lake, version, dates) as kinds:
        for counts in (*(found.tables for found in export.expected().values()), *kinds.expected().values()):
            expected.update(counts)
        for source in ADX_SOURCES:
            files_of = export.files if source is ADX_READINGS else partial(kinds.files, source)
            for data in (data for day in dates for data in files_of(day, 1)):
                kusto.ingest_parquet(data, kusto_name(source), parquet_mapping(source), [])
            _wait_for(kusto, source, expected[kusto_name(source)])
    # A query takes neighbouring dates, as a load does: it orders instants by how far they are from the first.
    spans = [instants(first, last) for first, last in _runs(dates)]
    levels = {
        made.table.name: pl.concat([dated(kusto.query(database.level_query(made, *span))) for span in spans])
        for made in LEVEL_TABLES
    }
    return Computed(dated(lake.rows(READINGS, version=version)), levels, expected)


def _runs(dates: Sequence[date]) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    for day in dates:
        if found and (day - found[-1][1]).days < 7 and (day - found[-1][0]).days < 31:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _wait_for(kusto: Kusto, source: Table, rows: int) -> None:
    until = time.monotonic() + 60
    while kusto.query(f"{kusto_name(source)} | count")["Count"].to_pylist() != [rows]:
        assert time.monotonic() < until, f"{kusto_name(source)} does not come to hold {rows} rows"
        time.sleep(0.02)


def dated(rows: Any) -> pl.DataFrame:
    """Rows as a frame, their date as a date."""
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col("event_date").dt.date()) if "event_date" in frame.columns else frame
