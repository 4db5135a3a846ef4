"""Messages that hold several records: lists, and arrays and objects taken apart.

Belongs here: the number of a record in its message, whether a fault is one record's or the whole message's, and
messages that gave nothing.
Does not: what a record becomes (`compilation`), or its rows (`outcome`).

Index of a reading = number of its record * readings of the spec + number of the reading. The record's number is its
place in the message; entries within entries are counted through. A fault of one record has the index of the record's
first reading; one of the whole message has -1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from canonical.compilation import Compiled, Part
from canonical.outcome import WHOLE_EVENT, Outcome, Places

Numbers = np.ndarray[Any, np.dtype[np.int64]]
_INSTANT = pa.timestamp("us", "UTC")


class SeveralRecords:
    """The records of one mapping's messages, group by group."""

    def __init__(self, mapping: Compiled, outcome: Outcome, run: Callable[[str, pa.Table], pa.Table]) -> None:
        self._mapping = mapping
        self._outcome = outcome
        self._run = run
        parts = mapping.parts
        slots = sum(len(part.readings) for part in parts)
        self._many = mapping.spec.decode.many
        # A record of a list that cannot be read needs an index that no entry's reading has.
        spare = self._many and parts[0].depth > 0
        self._slots = slots + spare
        self._fault_slot = slots if spare else 0
        self._alike = not any(part.group.own & {"device", "time"} for part in parts)
        """Whether what is wrong with device or time is wrong with all entries of a record."""
        self._told: Numbers = np.zeros(0, np.int64)
        self._heard: list[Numbers] = []

    def convert(self, events: pa.Table, records: pa.Table) -> None:
        """Readings and rejects of all records; every event is in at least one of the two."""
        broken = pc.is_valid(records.column("body_fault"))
        if pc.any(broken).as_py():
            self._refuse(records.filter(broken))
            records = records.filter(pc.invert(broken))
        for part in self._mapping.parts:
            self._convert(part, self._run(part.statement, part.decoder.prepare(records)))
        self._nothing(events, records.schema)

    def _convert(self, part: Part, wide: pa.Table) -> None:
        numbers = self._numbers(part, wide)
        base = numbers * self._slots
        refused = base + part.group.first
        fault = wide.column("fault")
        if self._alike and fault.null_count < len(fault):
            # Each entry would say it again: once a record is enough.
            bad = pc.is_valid(fault).to_numpy()
            keys = _ints(wide, "row") << 32 | _ints(wide, "record")
            once = np.zeros(len(wide), np.bool_)
            once[np.unique(np.where(bad, keys, -1), return_index=True)[1]] = True
            kept = ~bad | (once & ~np.isin(keys, self._told))
            self._told = np.union1d(self._told, keys[bad])
            whole = _ints(wide, "record") * self._slots + self._fault_slot if self._many else np.full(len(wide), -1)
            refused = np.where(bad, whole, refused)
            wide, base, refused = wide.filter(pa.array(kept)), base[kept], refused[kept]
        self._heard.append(_rows_with_something(part, wide))
        places = Places(pa.array(base, pa.int32()), pa.array(refused, pa.int32()))
        self._outcome.converted_by(self._mapping, part, wide, places)

    def _numbers(self, part: Part, wide: pa.Table) -> Numbers:
        """The number of each record in its message."""
        if part.depth == 0:
            return _ints(wide, "record")
        if part.depth == 1 and not self._many:
            return _ints(wide, "i1")
        names = ["row", "record", *(f"i{level}" for level in range(1, part.depth + 1))]
        order = np.lexsort([_ints(wide, name) for name in reversed(names)])
        rows = _ints(wide, "row")[order]
        running = np.arange(len(rows))
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        firsts = np.repeat(starts, np.diff(starts, append=len(rows)))
        numbers: Numbers = np.empty(len(rows), np.int64)
        numbers[order] = running - firsts
        return numbers

    def _refuse(self, broken: pa.Table) -> None:
        """Messages, or records of a list, that cannot be read."""
        head = self._mapping.head
        wide = self._run(head.statement, head.decoder.prepare(broken))
        record = _ints(wide, "record")
        at = np.where(self._many & (record >= 0), record * self._slots + self._fault_slot, WHOLE_EVENT)
        self._reject(wide, at)

    def _nothing(self, events: pa.Table, schema: pa.Schema) -> None:
        """Messages that were read and gave nothing."""
        heard = np.unique(np.concatenate([*self._heard, np.zeros(0, np.int64)]))
        silent = ~np.isin(_ints(events, "row"), heard)
        if not silent.any():
            return
        left = events.filter(pa.array(silent))
        empty = {"record": pa.repeat(pa.scalar(0, pa.int64()), len(left)), "document": pa.repeat("{}", len(left))}
        columns = [
            left.column(field.name)
            if field.name in left.column_names
            else empty.get(field.name, pa.nulls(len(left), field.type)).cast(field.type)
            for field in schema
        ]
        head = self._mapping.head
        wide = self._run(head.statement, head.decoder.prepare(pa.table(columns, schema=schema)))
        fault = pa.repeat(pa.scalar(self._outcome.rule("event", "no_readings"), pa.int8()), len(wide))
        wide = wide.set_column(wide.column_names.index("fault"), "fault", fault)
        self._reject(wide, np.full(len(wide), WHOLE_EVENT))

    def _reject(self, wide: pa.Table, at: Numbers) -> None:
        self._heard.append(_ints(wide, "row"))
        wide = wide.append_column("recorded_at", wide.column("recorded_us").cast(_INSTANT))
        self._outcome.refused_event(self._mapping, self._mapping.head, wide, pa.array(at, pa.int32()))


def _ints(table: pa.Table, name: str) -> Numbers:
    found: Numbers = table.column(name).to_numpy().astype(np.int64)
    return found


def _rows_with_something(part: Part, wide: pa.Table) -> Numbers:
    """The events for which a group has a reading or a reject."""
    said = pc.is_valid(wide.column("fault")).to_numpy()
    for number in range(part.group.first, part.group.first + len(part.readings)):
        fault = wide.column(f"f{number}")
        said = said | pc.not_equal(pc.fill_null(fault, 0), -1).to_numpy()
    rows: Numbers = _ints(wide, "row")[said]
    return rows
