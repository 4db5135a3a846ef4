"""Reference entities, read: what holds now, what held at an instant, and all that was ever known of one key.

Belongs here: the rows of an entity for whoever needs them: rules, dimensions, commands.
Does not: making them (`build`).

Every function gives no rows, with the right columns, where nothing has landed yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import and_

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.entities import IOT_DEVICE, Entity


def current(lake: Lake, entity: Entity, columns: Sequence[str] | None = None) -> pa.Table:
    """One row per key that exists now; of an entity without history every row."""
    return _rows(lake, entity, columns, pc.field("is_current") if entity.history else None)


def as_of(lake: Lake, entity: Entity, when: datetime, columns: Sequence[str] | None = None) -> pa.Table:
    """One row per key that existed at `when` (with time zone), as it was then."""
    began = pc.field("valid_from") <= when
    if not entity.history:
        return _rows(lake, entity, columns, began)
    goes_on = pc.field("valid_to").is_null() | (pc.field("valid_to") > when)
    return _rows(lake, entity, columns, began & goes_on)


def versions(lake: Lake, entity: Entity, key: Mapping[str, object]) -> pa.Table:
    """Every version of one key, oldest first; `key` has a value for each key column."""
    same = reduce(and_, (pc.field(name) == key[name] for name in entity.key))
    return _rows(lake, entity, None, same).sort_by("valid_from")


def history(lake: Lake, entity: Entity, columns: Sequence[str] | None = None) -> pa.Table:
    """Every version of every key, in no particular order."""
    return _rows(lake, entity, columns, None)


DEVICE_COLUMNS = ("device_id", "site_id", "location", "expected_to_report", "interval_s")


def devices(lake: Lake, when: datetime | None = None) -> pa.Table:
    """The device register now or at an instant: what rules over several readings need to know.

    device_id is `<source>:<native id>` as in readings; location is the room, null where the register names none;
    interval_s is seconds between two messages, null where none is declared. A device that is not
    `expected_to_report` is planned, removed or lost: its silence is no fault.
    """
    if when is None:
        return current(lake, IOT_DEVICE, DEVICE_COLUMNS)
    return as_of(lake, IOT_DEVICE, when, DEVICE_COLUMNS)


def _rows(lake: Lake, entity: Entity, columns: Sequence[str] | None, where: ds.Expression | None) -> pa.Table:
    names = list(columns) if columns is not None else list(entity.table.names)
    if not lake.exists(entity.table):
        wanted = arrow_schema(entity.table)
        return pa.schema([wanted.field(name) for name in names]).empty_table()
    return lake.rows(entity.table, columns=names, where=where)
