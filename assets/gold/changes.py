"""What happened to the readings of a date after a batch: only new ones, or more.

Belongs here: telling from Silver's log, and from the rows it points to, whether a date merely gained readings, and in
which hours they were recorded.
Does not: loading them (`append`), or whether a new reading changes what is stored of an old one (`touched`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from assets.gold.export import instants, recorded_within
from assets.gold.neighbours import microseconds, midnight
from assets.silver.batches import between
from assets.silver.snapshot import Snapshot
from lake.store import Lake
from quality.contracts.tables import READINGS

HOURS = range(24)
_HOUR = timedelta(hours=1)
_HOUR_US = _HOUR // timedelta(microseconds=1)


class NotAppendableError(Exception):
    """The date has to be loaded whole; the text says why."""


def hours_gained(lake: Lake, snapshot: Snapshot, day: date, after: int) -> int:
    """The hours of `day` in which readings were recorded that Silver took in after batch `after`; bits as in `hours:`.

    Raises: NotAppendableError where a batch did more than add readings of the date.
    """
    batches = between(lake, after, snapshot.batch)
    replacing = {touch.batch for touch in batches if touch.mode != "append"}
    if replaced := sorted(touch.batch for touch in batches if day in touch.event_dates and touch.batch in replacing):
        raise NotAppendableError(f"Silver batch {replaced[0]} replaced readings of it")
    # A replaced hour that left the date's readings as they were still gave them its own number.
    enqueued = {
        hour for touch in batches if day in touch.event_dates or touch.batch in replacing for hour in touch.hours
    }
    if not enqueued:
        return 0
    where = pc.field("enqueued_hour").isin(sorted(enqueued)) & (pc.field("silver_batch") > after)
    gained = lake.rows(
        READINGS,
        version=snapshot.readings,
        columns=["recorded_at", "silver_batch"],
        where=where & recorded_within([instants(day, day)]),
    )
    moment = pc.cast(gained["recorded_at"], pa.int64())
    gained = gained.append_column("hour", pc.divide(pc.subtract(moment, microseconds(midnight(day))), _HOUR_US))
    found = gained.group_by(["silver_batch", "hour"]).aggregate([]).to_pylist()
    if rewritten := sorted(replacing & {row["silver_batch"] for row in found}):
        raise NotAppendableError(f"Silver batch {rewritten[0]} wrote readings of it anew")
    return sum(1 << hour for hour in {row["hour"] for row in found})


def spans_of(day: date, hours: int) -> Iterator[tuple[datetime, datetime, int]]:
    """Neighbouring hours of a date as one span each: its beginning, its end, its bits."""
    midnight, _ = instants(day, day)
    begin = None
    for hour in (*HOURS, len(HOURS)):
        if hours >> hour & 1:
            begin = hour if begin is None else begin
        elif begin is not None:
            bits = sum(1 << inside for inside in range(begin, hour))
            yield midnight + begin * _HOUR, midnight + hour * _HOUR, bits
            begin = None
