"""The device register as the suspect rules see it: which devices there are, and in which room.

Belongs here: reading `silver.iot_device`, where there is one, as of a date, and a digest of what it says of the date.
Devices of one site with the same `location` are twins of one room; a device without a location has none.
Does not: how the register comes to be (`assets.silver.entities`), or the rules (`quality.rules.suspect`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.silver.entities.sums_by_day import SumsByDay
from lake.store import Lake
from quality.contracts.entities import ENTITY_BY_NAME

REGISTER = ENTITY_BY_NAME["iot_device"].table
_READ = ["device_id", "site_id", "location", "valid_from"]

_ROOM = "CASE WHEN trim(coalesce(location, '')) <> '' THEN concat_ws(' / ', site_id, trim(location)) END"
# The version in force when the day ended; a device that was entered later is known all the same.
_AS_OF = f"""
SELECT device_id, arg_max(
    {_ROOM},
    (valid_from < $until, CASE WHEN valid_from < $until THEN epoch_us(valid_from) ELSE -epoch_us(valid_from) END)
) AS room
FROM versions GROUP BY device_id
"""
# Rooms as a sum over devices, which changes on the days on which a device moves. Nothing is dated back in it: a device
# that is entered today leaves years alone in which it was never heard.
_STEPS = f"""
WITH said AS (
    SELECT device_id, valid_from, {_ROOM} AS room FROM versions
), hashed AS (
    SELECT device_id, valid_from, CASE WHEN room IS NULL THEN 0::HUGEINT
        ELSE CAST(md5_number_lower(concat_ws(chr(31), device_id, room)) AS HUGEINT) END AS hash
    FROM said
), steps AS (
    SELECT CAST(valid_from AS DATE) AS day,
        hash - lag(hash, 1, 0::HUGEINT) OVER (PARTITION BY device_id ORDER BY valid_from, hash) AS step
    FROM hashed
)
SELECT day, CAST(sum(step) AS HUGEINT) FROM steps GROUP BY day ORDER BY day
"""
NOTHING = "none"
"""Digest of a register that is not there."""


class Register:
    """Every version of every device, read once."""

    def __init__(self, lake: Lake) -> None:
        exists = lake.exists(REGISTER)
        self._versions: pa.Table | None = lake.rows(REGISTER, columns=_READ) if exists else None
        self._rooms = SumsByDay((), ()) if self._versions is None else _rooms(self._versions)

    def digest(self, day: date) -> str:
        """Who stood where when the day ended, in one word; who is known at all is in `devices`."""
        return NOTHING if self._versions is None else f"{self._rooms.of(day):x}"

    @property
    def devices(self) -> pa.Array:
        """Ids of all that were ever entered."""
        return pa.array([]) if self._versions is None else pc.unique(self._versions["device_id"])

    def put(self, db: duckdb.DuckDBPyConnection, day: date) -> None:
        """Make the table `register` (device_id, room) hold what was true of a day; empty where there is no register."""
        if self._versions is None:
            db.execute("CREATE OR REPLACE TEMP TABLE register (device_id VARCHAR, room VARCHAR)")
            return
        until = datetime.combine(day + timedelta(days=1), time(), UTC)
        db.register("versions", self._versions)
        db.execute(f"CREATE OR REPLACE TEMP TABLE register AS {_AS_OF}", {"until": until})
        db.unregister("versions")


def _rooms(versions: pa.Table) -> SumsByDay:
    with duckdb.connect(config={"TimeZone": "UTC", "autoinstall_known_extensions": False}) as db:
        db.register("versions", versions)
        return SumsByDay.of_steps(db.execute(_STEPS).fetchall())
