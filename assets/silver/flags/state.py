"""Which dates' flags are due.

Belongs here: dirty dates of the flags lane, derived from Silver's log and `gold.date_state`.
Does not: raising flags (`raising`), or deciding when (`sensors`).
"""

from __future__ import annotations

from datetime import date, timedelta

from assets.date_state import loaded, newer
from assets.silver.batches import dates_touched
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality.rules.suspect import LOOK_BACK_DAYS


def dirty_flag_dates(lake: Lake) -> dict[date, int]:
    """Dates whose readings, or those that their flags look back on, changed after the flags were raised."""
    silver = snapshot(lake)
    if silver is None:
        return {}
    touched = dates_touched(lake, silver.batch)
    back = [timedelta(days=n) for n in range(LOOK_BACK_DAYS + 1)]
    # A neighbour without readings has nothing to flag.
    seen = {day: max(touched.get(day - by, 0) for by in back) for day in touched}
    return newer(seen, loaded(lake, "flags"))
