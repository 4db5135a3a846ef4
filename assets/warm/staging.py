"""From Gold to the warm tier: staged tables, replaced per date.

Belongs here: which dates are dirty, and their load in one transaction together with the state that says so.
Does not: the marts (`dbt_warm`), running dbt (`build`) or what readers see (`publish`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.warm.database import reading, writing
from lake.store import Lake
from quality.contracts.duckdb import create_table, duckdb_type
from quality.contracts.model import Table
from quality.contracts.tables import DATE_STATE
from quality.contracts.warm import SCHEMA, SOURCES, STAGED, STAGING_DATE_STATE, Lane, Staged
from settings.clock import now
from settings.failpoints import reach
from settings.model import Settings

LANES: tuple[Lane, ...] = ("readings", "quality")
STATE = f"{SCHEMA}.{STAGING_DATE_STATE.name}"


class StagingDriftError(RuntimeError):
    """The warm database was made from another version of the contracts."""


@dataclass(frozen=True)
class StagingLoad:
    """What a load wrote: its dates, oldest first, and rows per staged table."""

    dates: tuple[date, ...]
    rows: dict[str, int]


def dirty_warm_dates(lake: Lake, settings: Settings) -> dict[date, int]:
    """Dates whose Gold is newer than what is published, with the batch Gold holds (0: Gold has the date no more).

    Compared with the published file, so whatever a crash interrupted (load, build or publication) is still dirty.
    """
    gold = _gold_state(lake)
    published = _published_state(settings)
    if not gold and not published:
        return {}
    lake_id = lake.identity()
    dirty: dict[date, int] = {}
    for (lane, day), batch in gold.items():
        held = published.get((lane, day))
        if held is None or held[0] != lake_id or held[1] < batch:
            dirty[day] = max(batch, dirty.get(day, 0))
    for (lane, day), (held_lake, _) in published.items():
        if held_lake != lake_id and (lane, day) not in gold:
            dirty.setdefault(day, 0)
    return dict(sorted(dirty.items()))


def load_staging(lake: Lake, settings: Settings, dates: Collection[date]) -> StagingLoad:
    """Replace `dates` in every staged table by what Gold holds of them, in one transaction.

    A date without rows in Gold ends without rows here. The state is read before the rows: rows that are newer than
    their label are loaded once more, rows that are older would be kept.
    Raises: WarmBusyError, StagingDriftError.
    """
    wanted = tuple(sorted(set(dates)))
    state = _gold_state(lake)
    lake_id = lake.identity()
    with writing(settings) as db:
        prepare(db)
        db.execute("begin")
        rows = {staged.table.name: _replace(db, lake, staged, wanted) for staged in STAGED}
        for lane in LANES:
            _mark(db, lake_id, lane, {day: state.get((lane, day)) for day in wanted})
        db.execute("commit")
    reach("warm.after_staging")
    return StagingLoad(dates=wanted, rows=rows)


def prepare(db: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing of the staging schema and refuse one that is not the contract's."""
    db.execute(f"create schema if not exists {SCHEMA}")
    for table in SOURCES:
        db.execute(create_table(table, SCHEMA))
        found = db.execute(
            "select column_name, lower(data_type) from information_schema.columns"
            " where table_schema = ? and table_name = ? order by ordinal_position",
            [SCHEMA, table.name],
        ).fetchall()
        expected = [(column.name, duckdb_type(column)) for column in table.columns]
        if found != expected:
            different = sorted({name for name, _ in set(found) ^ set(expected)}) or ["their order"]
            raise StagingDriftError(
                f"{SCHEMA}.{table.name} was made from another contract (differs in {', '.join(different)}). "
                "The warm tier holds nothing that Gold does not: delete warm.build.duckdb and warm.duckdb, "
                "then materialise the warm assets; every date is loaded again."
            )


def _gold_state(lake: Lake) -> dict[tuple[str, date], int]:
    if not lake.exists(DATE_STATE):
        return {}
    of_this_lake = (pc.field("lake_id") == lake.identity()) & pc.field("lane").isin(list(LANES))
    rows = lake.rows(DATE_STATE, columns=["lane", "date", "silver_batch"], where=of_this_lake)
    newest = rows.group_by(["lane", "date"]).aggregate([("silver_batch", "max")]).to_pylist()
    return {(row["lane"], row["date"]): row["silver_batch_max"] for row in newest}


def _published_state(settings: Settings) -> dict[tuple[str, date], tuple[str, int]]:
    if not settings.warm_database.exists():
        return {}
    with reading(settings) as db:
        found = db.execute(f"select lane, date, lake_id, built_batch from {STATE} where built_batch is not null")
        return {(lane, day): (lake_id, batch) for lane, day, lake_id, batch in found.fetchall()}


def _replace(db: duckdb.DuckDBPyConnection, lake: Lake, staged: Staged, dates: tuple[date, ...]) -> int:
    db.execute(f"delete from {staged.name} where {staged.date_column} in (select unnest(?::date[]))", [list(dates)])
    reach("warm.after_delete")
    if not dates or not lake.exists(staged.table):
        return 0
    of_dates = pc.field(staged.date_column).isin(pa.array(dates, pa.date32()))
    scanner = lake.dataset(staged.table).scanner(columns=_projection(staged.table), filter=of_dates)
    db.register("incoming", scanner.to_reader())
    columns = ", ".join(f'"{name}"' for name in staged.table.names)
    db.execute(f"insert into {staged.name} ({columns}) select {columns} from incoming")
    db.unregister("incoming")
    counted = f"select count(*) from {staged.name} where {staged.date_column} in (select unnest(?::date[]))"
    return int(db.execute(counted, [list(dates)]).fetchall()[0][0])


def _projection(table: Table) -> dict[str, ds.Expression]:
    """Columns in contract order; timestamps lose their zone here, where it is still known to be UTC."""
    return {
        column.name: pc.field(column.name).cast(pa.timestamp("us"))
        if column.type == "timestamp"
        else pc.field(column.name)
        for column in table.columns
    }


def _mark(db: duckdb.DuckDBPyConnection, lake_id: str, lane: Lane, batches: dict[date, int | None]) -> None:
    """Label the dates as staged and not built; one that neither Gold nor the warm tier knows needs no label."""
    held = {day for (day,) in db.execute(f"select date from {STATE} where lane = ?", [lane]).fetchall()}
    loaded_at = now().astimezone(UTC).replace(tzinfo=None)
    fresh = [
        (lane, day, lake_id, batch or 0, None, loaded_at)
        for day, batch in batches.items()
        if batch is not None or day in held
    ]
    db.execute(f"delete from {STATE} where lane = ? and date in (select unnest(?::date[]))", [lane, list(batches)])
    if fresh:
        db.executemany(f"insert into {STATE} values (?, ?, ?, ?, ?, ?)", fresh)
