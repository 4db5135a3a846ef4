"""The device register as the suspect rules see it: which devices there are, and in which room.

Belongs here: reading `silver.iot_device`, where there is one, as of a date. Devices of one site with the same
`location` are twins of one room; a device without a location has none.
Does not: how the register comes to be (`assets.silver.entities`), or the rules (`quality.rules.suspect`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import duckdb
import pyarrow as pa

from lake.store import Lake
from quality.contracts.entities import ENTITY_BY_NAME

REGISTER = ENTITY_BY_NAME["iot_device"].table
_READ = ["device_id", "site_id", "location", "valid_from"]

# The version in force when the day ended; a device that was entered later is known all the same.
_AS_OF = """
SELECT device_id, arg_max(
    CASE WHEN trim(coalesce(location, '')) <> '' THEN concat_ws(' / ', site_id, trim(location)) END,
    (valid_from < $until, CASE WHEN valid_from < $until THEN epoch_us(valid_from) ELSE -epoch_us(valid_from) END)
) AS room
FROM versions GROUP BY device_id
"""


class Register:
    """Every version of every device, read once."""

    def __init__(self, lake: Lake) -> None:
        exists = lake.exists(REGISTER)
        self._versions: pa.Table | None = lake.rows(REGISTER, columns=_READ) if exists else None

    def put(self, db: duckdb.DuckDBPyConnection, day: date) -> None:
        """Make the table `register` (device_id, room) hold what was true of a day; empty where there is no register."""
        if self._versions is None:
            db.execute("CREATE OR REPLACE TEMP TABLE register (device_id VARCHAR, room VARCHAR)")
            return
        until = datetime.combine(day + timedelta(days=1), time(), UTC)
        db.register("versions", self._versions)
        db.execute(f"CREATE OR REPLACE TEMP TABLE register AS {_AS_OF}", {"until": until})
        db.unregister("versions")
