"""Which dates' flags are due.

Belongs here: dirty dates of the flags lane, derived from Silver's log, `gold.date_state` and the device register.
Does not: raising flags (`raising`), or deciding when (`sensors`).
"""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from assets.date_state import loaded, newer
from assets.silver.batches import dates_touched
from assets.silver.flags.register import NOTHING, Register
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality.contracts.tables import READING_FLAGS, SUSPECT_READINGS_1D
from quality.rules.suspect import LOOK_BACK_DAYS

UNKNOWN_DEVICE = "unknown_device"


def dirty_flag_dates(lake: Lake) -> dict[date, int]:
    """Dates whose readings, those that their flags look back on, or whose register changed after they were raised."""
    silver = snapshot(lake)
    if silver is None:
        return {}
    touched = dates_touched(lake, silver.batch)
    back = [timedelta(days=n) for n in range(LOOK_BACK_DAYS + 1)]
    # A neighbour without readings has nothing to flag.
    seen = {day: max(touched.get(day - by, 0) for by in back) for day in touched}
    held = loaded(lake, "flags")
    of_register = {day: held[day] for day in misjudged(lake, Register(lake)) if day in held}
    return dict(sorted((of_register | newer(seen, held)).items()))


def raised_under(lake: Lake) -> dict[date, str]:
    """What the register said of each date when its flags were raised."""
    if not lake.exists(SUSPECT_READINGS_1D):
        return {}
    rows = lake.rows(SUSPECT_READINGS_1D, columns=["event_date", "register_digest"])
    held = rows.group_by(["event_date", "register_digest"]).aggregate([]).to_pylist()
    # What was raised before digests were kept is right as long as there is no register.
    return {row["event_date"]: row["register_digest"] or NOTHING for row in held}


def misjudged(lake: Lake, register: Register) -> set[date]:
    """Dates whose flags would be others under the register of now.

    Rooms are compared by what was said of the date then. A device that was unknown then and is known now makes the
    dates due that hold a doubt about it: there it was heard, and elsewhere it makes no difference.
    """
    held = raised_under(lake)
    if not held:
        return set()
    moved = {day for day, said in held.items() if said != register.digest(day)}
    unknown = (pc.field("code") == UNKNOWN_DEVICE) & pc.field("device_id").isin(register.devices.cast(pa.string()))
    found = lake.rows(READING_FLAGS, columns=["event_date"], where=unknown)["event_date"]
    return moved | set(found.unique().to_pylist())
