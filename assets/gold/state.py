"""Which dates of Gold are due.

Belongs here: dirty dates of both lanes, derived from the tables and never remembered elsewhere.
Does not: what a date holds (`assets.date_state`), loading one (`load`, `quality`) or deciding when (`sensors`).
"""

from __future__ import annotations

from datetime import date

from assets.date_state import loaded, newer
from assets.silver.batches import dates_touched, hours_touched
from assets.silver.snapshot import snapshot
from lake.store import Lake


def dirty_dates(lake: Lake) -> dict[date, int]:
    """Dates of recorded_at whose readings changed after they were last loaded, with the batch that did it."""
    silver = snapshot(lake)
    if silver is None:
        return {}
    return newer(dates_touched(lake, silver.batch), loaded(lake, "readings"))


def dirty_quality_dates(lake: Lake) -> dict[date, int]:
    """Dates of enqueued_at whose Silver hours were written after they were last counted, with the batch."""
    silver = snapshot(lake)
    if silver is None:
        return {}
    touched: dict[date, int] = {}
    for hour, batch in hours_touched(lake, silver.batch).items():
        day = date.fromisoformat(hour[:10])
        touched[day] = max(batch, touched.get(day, 0))
    return newer(touched, loaded(lake, "quality"))
