"""Silver's ledger over the lake's own tables.

Belongs here: choosing consistent versions and hours, and handing event references to `quality.rules.ledger`.
Does not: the balance itself, or what is done when it does not balance (`quality.checks`).
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.silver.intake import in_hours
from assets.silver.snapshot import Snapshot, snapshot
from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import BATCHES, BRONZE_TELEMETRY, DUPLICATES, EVENT_NAMES, LOST, QUARANTINE, READINGS
from quality.rules.ledger import Ledger, balance


def audit(lake: Lake, hours: Sequence[str] | None = None) -> Ledger:
    """The ledger at the last complete batch, over all hours or the given ones.

    Over some hours, the numbers of a stream need not be gapless where its neighbours lie in other hours; `missing` is
    then the count of numbers between, and only the two anti-joins are judged by `quality.checks`.
    """
    state = snapshot(lake)
    watermark = _watermark(lake, state.batch) if state else {}
    within = None if hours is None else in_hours(hours)
    of_hours = None if hours is None else pc.field("enqueued_hour").isin(list(hours))
    return balance(
        batch=state.batch if state else 0,
        watermark=watermark,
        bronze=_reader(lake, BRONZE_TELEMETRY, None, EVENT_NAMES, within),
        readings=_reader(lake, READINGS, _at(state, "readings"), EVENT_NAMES, of_hours),
        quarantine=_reader(lake, QUARANTINE, _at(state, "quarantine"), (*EVENT_NAMES, "reason"), of_hours),
        duplicates=_reader(lake, DUPLICATES, _at(state, "duplicates"), EVENT_NAMES, of_hours),
        lost=lake.rows(LOST) if hours is None and lake.exists(LOST) else None,
    )


def _at(state: Snapshot | None, table: str) -> int:
    return 0 if state is None else int(getattr(state, table))


def _watermark(lake: Lake, batch: int) -> dict[str, int]:
    rows = lake.rows(BATCHES, columns=["watermark"], where=pc.field("batch") == batch)
    return dict(rows["watermark"][0].as_py())


def _reader(
    lake: Lake, table: Table, version: int | None, columns: Sequence[str], where: ds.Expression | None
) -> pa.RecordBatchReader:
    lake.open(table)
    dataset = lake.dataset(table, version)
    return dataset.scanner(columns=list(columns), filter=where, batch_readahead=4, fragment_readahead=2).to_reader()
