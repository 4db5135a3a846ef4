"""Which dates a change reaches beyond those whose readings changed: a counter's step and a state go over midnight.

Belongs here: telling, from Silver's log and rows alone, whether counters, states and events of a date came out
otherwise at a later batch.
Does not: computing them anew (`load`), or what a date takes from its neighbours (`neighbours`).

A date is reached by the date before where the last reading of a counter or a state is a new one, and by its own newest
readings and those of the date after, where they tell that time went on for its states. It is told exactly where Silver
only added rows; where a batch replaced some, a date is taken for reached rather than left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.gold.neighbours import A_DAY, known_until, metrics_of, microseconds, midnight, of_dates
from assets.silver.batches import between, dates_touched
from assets.silver.snapshot import Snapshot
from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import COUNTERS, READINGS, STATES

_DAILY = (COUNTERS["1d"], STATES["1d"])

# The last reading of a series on the date before is new: for a counter that goes on today, and for any state.
_HANDED_OVER = """
SELECT count(*) FROM (
    SELECT metric,
        arg_max(silver_batch, (recorded_at, discriminator)) FILTER (epoch_us(recorded_at) < $midnight) AS told_by,
        bool_or(epoch_us(recorded_at) >= $midnight) AS goes_on
    FROM series GROUP BY device_id, metric, channel
) WHERE told_by > $after AND (goes_on OR list_contains($states, metric))
"""


def dates_reached(lake: Lake, snapshot: Snapshot, due: Collection[date], held: Mapping[date, int]) -> list[date]:
    """Dates beside the `due` ones whose counters or states changed with them, in order.

    `held`: the batch each date is loaded at. Dates that were never loaded, or have changed readings of their own, are
    due by themselves.
    """
    touched = dates_touched(lake, snapshot.batch)
    beside = {day + step for day in due for step in (-A_DAY, A_DAY)} - set(due)
    clean = [day for day in sorted(beside) if touched.get(day, 0) <= held.get(day, -1) < snapshot.batch]
    return [day for day in clean if changed(lake, snapshot, day, held[day])]


def changed(lake: Lake, snapshot: Snapshot, day: date, after: int) -> bool:
    """Whether counters, states or events of a date are others at the snapshot than at batch `after`."""
    near = {day - A_DAY, day, day + A_DAY}
    touches = [touch for touch in between(lake, after, snapshot.batch) if near & set(touch.event_dates)]
    readings = lake.dataset(READINGS, snapshot.readings)
    new = pc.field("enqueued_hour").isin(sorted({hour for touch in touches for hour in touch.hours})) & (
        pc.field("silver_batch") > after
    )
    of_kinds = pc.field("metric").isin(metrics_of("counter", "state", "event"))
    if any(touch.mode != "append" for touch in touches):
        return bool(readings.count_rows(filter=of_dates({day - A_DAY, day}) & of_kinds)) or _held_any(
            lake, day, *_DAILY
        )
    if not touches or not readings.count_rows(filter=new & of_dates(near)):
        return False
    if readings.count_rows(filter=new & of_dates([day]) & of_kinds):
        return True
    carried = pc.field("metric").isin(metrics_of("counter", "state"))
    if readings.count_rows(filter=new & of_dates([day - A_DAY]) & carried) and _handed_over(
        readings, day, after, carried
    ):
        return True
    if not _held_any(lake, day - A_DAY, STATES["1d"]) and not _held_any(lake, day, STATES["1d"]):
        return False
    version = snapshot.readings
    return known_until(lake, version, day, after) != known_until(lake, version, day)


def _handed_over(readings: ds.Dataset, day: date, after: int, carried: ds.Expression) -> bool:
    columns = ["device_id", "metric", "channel", "recorded_at", "discriminator", "silver_batch"]
    rows = readings.scanner(columns=columns, filter=of_dates([day - A_DAY, day]) & carried).to_reader()
    with duckdb.connect() as db:
        db.register("series", rows)
        given = {"midnight": microseconds(midnight(day)), "after": after, "states": metrics_of("state")}
        ((found,),) = db.execute(_HANDED_OVER, given).fetchall()
    return bool(found)


def _held_any(lake: Lake, day: date, *tables: Table) -> bool:
    """Whether any of the tables of Gold holds rows of a date."""
    of_day = pc.field("event_date") == day
    return any(lake.exists(table) and lake.dataset(table).count_rows(filter=of_day) for table in tables)
