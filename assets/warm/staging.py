"""From Gold to the warm tier: staged tables, replaced per date or as a whole.

Belongs here: which dates are dirty, and their load together with the state that says so.
Does not: how an engine swaps rows (`engine`), the marts (`dbt_warm`), running dbt (`build`), readers (`publish`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.warm import state
from assets.warm.engine import Counted, Incoming, Mark, Session, WarmMissingError, engine_of
from assets.warm.state import LANES
from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import DATE_STATE
from quality.contracts.warm import STAGED, WHOLE_DATE, Staged
from settings.clock import now
from settings.failpoints import reach
from settings.model import Settings

_Gold = dict[tuple[str, date], int]
"""Batch by lane and date."""


@dataclass(frozen=True)
class StagingLoad:
    """What a load wrote: its dates, oldest first, and rows per staged table."""

    dates: tuple[date, ...]
    rows: dict[str, int]


def dirty_warm_dates(lake: Lake, settings: Settings) -> dict[date, int]:
    """Dates whose Gold is newer than what is published, with the batch Gold holds (0: Gold has the date no more).

    Compared with what is published, so whatever a crash interrupted (load, build or publication) is still dirty.
    """
    dirty: dict[date, int] = {}
    for (_, day), batch in _dirty(lake, _gold_state(lake), _published_state(settings)).items():
        dirty[day] = max(batch, dirty.get(day, 0))
    return dict(sorted(dirty.items()))


def load_staging(lake: Lake, settings: Settings, dates: Collection[date], *, behind: bool = False) -> StagingLoad:
    """Replace `dates` in every staged table by what Gold holds of them, in one transaction.

    `behind`: only in the lanes in which a date is dirty; a fault that came late leaves the day's readings alone.
    A date without rows in Gold ends without rows here. Tables staged whole are replaced with their fixed date. The
    state is read before the rows: rows that are newer than their label are loaded once more, rows that are older
    would be kept.
    Raises: WarmBusyError, StagingDriftError, StagedCountError; then nothing was changed.
    """
    wanted = tuple(sorted(set(dates)))
    gold = _gold_state(lake)
    lake_id = lake.identity()
    loaded_at = now().astimezone(UTC).replace(tzinfo=None)
    due = {(lane, day) for lane in LANES for day in wanted}
    if behind:
        due &= _dirty(lake, gold, _published_state(settings)).keys()
    of_lane = {lane: tuple(day for day in wanted if (lane, day) in due) for lane in LANES}
    incoming = [
        _incoming(lake, staged, of_lane[staged.lane])
        for staged in STAGED
        if (WHOLE_DATE in of_lane[staged.lane] if staged.date_column is None else of_lane[staged.lane])
    ]

    def write(session: Session) -> None:
        for lane, days in of_lane.items():
            state.mark(session, lake_id, lane, {day: gold.get((lane, day)) for day in days}, loaded_at)

    mark = Mark(write=write, there=lambda session: state.marked(session, loaded_at))
    rows = engine_of(settings).load(incoming, mark)
    reach("warm.after_staging")
    return StagingLoad(dates=wanted, rows=rows)


def _dirty(lake: Lake, gold: _Gold, published: Mapping[tuple[str, date], tuple[str, int]]) -> _Gold:
    """The batch Gold holds, by the lanes and dates in which it is not the published one."""
    if not gold and not published:
        return {}
    lake_id = lake.identity()
    nowhere = (lake_id, -1)
    newer = {
        at: batch
        for at, batch in gold.items()
        if published.get(at, nowhere)[0] != lake_id or published.get(at, nowhere)[1] < batch
    }
    return newer | {at: 0 for at, (held, _) in published.items() if held != lake_id and at not in gold}


def _gold_state(lake: Lake) -> _Gold:
    """Batch per lane and date. Tables staged whole have no batch: the versions they are at stand for it."""
    newest: _Gold = {}
    if lake.exists(DATE_STATE):
        of_this_lake = (pc.field("lake_id") == lake.identity()) & pc.field("lane").isin(list(LANES))
        rows = lake.rows(DATE_STATE, columns=["lane", "date", "silver_batch"], where=of_this_lake)
        grouped = rows.group_by(["lane", "date"]).aggregate([("silver_batch", "max")]).to_pylist()
        newest = {(row["lane"], row["date"]): row["silver_batch_max"] for row in grouped}
    for staged in STAGED:
        # From 1 where a table is there and empty, so that it counts as something.
        version = lake.version(staged.table) + 1 if staged.date_column is None else 0
        if version:
            newest[staged.lane, WHOLE_DATE] = newest.get((staged.lane, WHOLE_DATE), 0) + version
    return newest


def _published_state(settings: Settings) -> dict[tuple[str, date], tuple[str, int]]:
    try:
        return engine_of(settings).read(state.built)
    except WarmMissingError:
        return {}


def _incoming(lake: Lake, staged: Staged, dates: tuple[date, ...]) -> Incoming:
    def read() -> Counted | None:
        if not lake.exists(staged.table):
            return None
        column = staged.date_column
        scanner = lake.dataset(staged.table).scanner(
            columns=_projection(staged.table),
            filter=None if column is None else pc.field(column).isin(pa.array(dates, pa.date32())),
        )
        return Counted(scanner.to_reader())

    return Incoming(staged=staged, dates=dates, read=read)


def _projection(table: Table) -> dict[str, ds.Expression]:
    """Columns in contract order; timestamps lose their zone here, where it is still known to be UTC."""
    return {
        column.name: pc.field(column.name).cast(pa.timestamp("us"))
        if column.type == "timestamp"
        else pc.field(column.name)
        for column in table.columns
    }
