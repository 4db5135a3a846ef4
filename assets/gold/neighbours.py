"""What a date takes from the date before it and the date after it.

Belongs here: which readings go on over midnight, and until when the states of a date are known.
Does not: what is made of them (`steps`, `spans`), or which dates have to be computed again for it (`reach`).

A date depends on no other date than its two neighbours, and on neither for gauges and events.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from lake.store import Lake
from quality.contracts.metrics import METRICS, Kind
from quality.contracts.tables import READINGS

A_DAY = timedelta(days=1)
_KINDS = pa.schema([("metric", pa.string()), ("kind", pa.string()), ("rolls_over_at", pa.float64())])
_KNOWN = pa.schema(
    [("event_date", pa.date32()), ("begin_us", pa.int64()), ("end_us", pa.int64()), ("known_us", pa.int64())]
)


def midnight(day: date) -> datetime:
    """The instant a date begins, UTC."""
    return datetime.combine(day, time(), UTC)


def of_dates(days: Collection[date]) -> ds.Expression:
    """Readings recorded on any of these dates; there is at least one."""
    recorded = pc.field("recorded_at")
    return reduce(
        or_, [(recorded >= pa.scalar(midnight(day))) & (recorded < pa.scalar(midnight(day + A_DAY))) for day in days]
    )


def metrics_of(*of_kinds: Kind) -> list[str]:
    """The metrics of these kinds."""
    return [metric.name for metric in METRICS if metric.kind in of_kinds]


def kinds() -> pa.Table:
    """Metrics whose readings are not averaged: metric, kind, rolls_over_at."""
    return pa.Table.from_pylist(
        [
            {"metric": metric.name, "kind": metric.kind, "rolls_over_at": metric.rolls_over_at}
            for metric in METRICS
            if metric.kind != "gauge"
        ],
        schema=_KINDS,
    )


def known(lake: Lake, version: int, dates: Sequence[date], *, ask: bool = True) -> pa.Table:
    """Per date: event_date, its begin and end, and until when its states are known, in microseconds since 1970.

    Without `ask` nothing is looked up, and dates count as known to their end.
    """
    rows = []
    for day in dates:
        begin, end = microseconds(midnight(day)), microseconds(midnight(day + A_DAY))
        until = known_until(lake, version, day) if ask else end
        rows.append({"event_date": day, "begin_us": begin, "end_us": end, "known_us": until})
    return pa.Table.from_pylist(rows, schema=_KNOWN)


def known_until(lake: Lake, version: int, day: date, upto: int | None = None) -> int:
    """When the hub accepted the newest reading of the date or of the one after it; the date's end at most.

    Nothing but Silver says so: no clock of ours, and no device's either, because one that is ahead would hold states in
    time that has not come. Of a date without any reading nothing is known. `upto`: as it was at that Silver batch.
    """
    begin, end = midnight(day), midnight(day + A_DAY)
    readings = lake.dataset(READINGS, version)
    taken_in = pc.scalar(True) if upto is None else pc.field("silver_batch") <= upto
    if not _any(readings, of_dates([day]) & taken_in):
        return microseconds(begin)
    near = of_dates([day, day + A_DAY]) & taken_in
    # Of a date that is over, the first file that states a later enqueued_at tells, and no other is read.
    if _any(readings, near & (pc.field("enqueued_at") >= pa.scalar(end))):
        return microseconds(end)
    newest = [pc.max(found["enqueued_at"]) for found in readings.scanner(["enqueued_at"], filter=near).to_batches()]
    moments = [moment.as_py() for moment in newest if moment.is_valid]
    return microseconds(min(end, max(begin, *moments)))


def _any(readings: ds.Dataset, where: ds.Expression) -> bool:
    return any(found.num_rows for found in readings.scanner(columns=["recorded_at"], filter=where).to_batches())


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
