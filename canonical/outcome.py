"""The two tables a conversion gives, in the making.

Belongs here: laying out accepted readings and rejects as columns, and asking for the messages of rejected rows only.
Does not: deciding what is accepted (`compilation`, `quality.rules.row`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from canonical.compilation import EVENT_DETAILS, Compiled, Part
from canonical.reading_columns import ABSENT, OtherNames, ReadingColumns
from canonical.routing import ENVELOPE_DETAILS
from quality.contracts.arrow import arrow_schema
from quality.contracts.flags import Flag
from quality.contracts.model import Table
from quality.contracts.tables import BRONZE_TELEMETRY, EVENT_NAMES, KEY_NAMES, QUARANTINE, READINGS
from quality.rules.macros import explanation, of_stage
from quality.rules.row import STAGES, Rule, Stage

WHOLE_EVENT = -1
"""Index of a reject that concerns the event, not one reading of it."""


def _schema(table: Table, names: Sequence[str]) -> pa.Schema:
    whole = arrow_schema(table)
    return pa.schema([whole.field(name) for name in names])


_TEXT = pa.dictionary(pa.int32(), pa.string())


def _encoded(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_type(_TEXT) if pa.types.is_string(field.type) else field for field in schema])


_REFERENCE = (*EVENT_NAMES, "enqueued_at")
_ENVELOPE = ("device_id", "content_type", "content_encoding", "schema_ref", "properties", "body")
_ADDED_LATER = {"digest", "silver_batch", "enqueued_hour"}
_REASON = ("reason", "field", "value", "message", "mapping_id")
EVENTS_SCHEMA = _schema(BRONZE_TELEMETRY, (*_REFERENCE, *_ENVELOPE))
"""What is read: a projection of bronze.telemetry."""
READINGS_SCHEMA = _encoded(_schema(READINGS, [name for name in READINGS.names if name not in _ADDED_LATER]))
"""Texts are dictionaries, since most of them are the same in many rows."""
REJECTS_SCHEMA = _schema(QUARANTINE, (*EVENT_NAMES, "index", "enqueued_at", *_REASON, *KEY_NAMES))
_INSTANT = READINGS_SCHEMA.field("recorded_at").type
_NAMED: Mapping[Stage, tuple[str, ...]] = {
    "envelope": ("mapping_id", "body_bytes", "max_body_bytes", *ENVELOPE_DETAILS),
    "event": (
        *("device_id", "recorded_at", "enqueued_at", *EVENT_DETAILS),
        *("device_field", "time_field", "earliest", "ahead_hours"),
    ),
    "reading": (
        *("metric", "device_id", "field", "shown", "unit_field", "unit_text", "value"),
        *("unit", "low", "high"),
    ),
}
"""The columns of a stage that its messages may name."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of events: accepted readings, and rejects with their reasons."""

    readings: pa.Table
    rejects: pa.Table


@dataclass(frozen=True, slots=True)
class Places:
    """Where records stand in their events: the index of a record's readings less their number, and of its reject."""

    base: pa.Array
    refused: pa.Array

    def filter(self, chosen: pa.ChunkedArray) -> Places:
        """Those of some of the records."""
        return Places(self.base.filter(chosen), self.refused.filter(chosen))


class Outcome:
    """What became of one table of events, part by part."""

    def __init__(self, events: pa.Table, rules: Sequence[Rule]) -> None:
        self._reference = events.select(_REFERENCE).combine_chunks()
        self._names = {stage: [rule.name for rule in of_stage(stage, rules)] for stage in STAGES}
        self._codes = {stage: pa.array([rule.code for rule in of_stage(stage, rules)], pa.string()) for stage in STAGES}
        self._readings: list[pa.Table] = []
        self._refused: dict[Stage, list[dict[str, Any]]] = {stage: [] for stage in STAGES}

    def refused_by_envelope(self, routed: pa.Table) -> None:
        """Events that no mapping takes."""
        if routed.column("fault").null_count < len(routed):
            refused = routed.filter(pc.is_valid(routed.column("fault")))
            named = {name: refused.column(name) for name in ("fault", *_NAMED["envelope"])}
            whole = {"index": pa.repeat(pa.scalar(WHOLE_EVENT, pa.int32()), len(refused))}
            self._refused["envelope"].append(self._event(refused) | whole | named)

    def converted_by(self, mapping: Compiled, part: Part, wide: pa.Table, places: Places | None = None) -> None:
        """Records that a mapping took, as the statement of one of its groups gives them.

        Without `places` there is one record an event, and what is wrong with it is wrong with the event.
        """
        wide = wide.append_column("recorded_at", wide.column("recorded_us").cast(_INSTANT))
        if wide.column("fault").null_count < len(wide):
            bad = pc.is_valid(wide.column("fault"))
            at = WHOLE_EVENT if places is None else places.refused.filter(bad)
            self.refused_event(mapping, part, wide.filter(bad), at)
            good = pc.invert(bad)
            wide = wide.drop_columns(["fault", *EVENT_DETAILS]).filter(good)
            places = places.filter(good) if places is not None else None
        base = self._event(wide) | {name: wide.column(name) for name in ("device_id", "recorded_at", "discriminator")}
        which = wide.column("from_envelope").cast(pa.int32()).combine_chunks()
        clocks = pa.DictionaryArray.from_arrays(which, pa.array(["device", "envelope"]))
        # Texts once for all readings of a record, not once for each.
        shared = {name: _as(column, _TEXT) for name, column in base.items()} | {"recorded_at_source": clocks}
        from_hub = which.cast(pa.int64()) if pc.any(wide.column("from_envelope")).as_py() else None
        for place, reading in enumerate(part.readings):
            number = part.group.first + place
            if not _says_something(wide.column(f"f{number}")):
                continue
            columns = {"value": wide.column(f"v{number}"), "flags": _flags(reading, wide, number, from_hub)}
            columns |= {"index": _index(number, len(wide), places)}
            columns |= {"value_text": wide.column(f"x{number}")} if reading.worded else {}
            columns |= {"channel": _as(wide.column(f"c{number}"), _TEXT)} if reading.names_channel else {}
            same = {"mapping_id": mapping.spec.id, **reading.constants()}
            self._reading(shared | columns, same, wide, place, number)

    def refused_event(self, mapping: Compiled, part: Part, refused: pa.Table, at: int | pa.Array) -> None:
        """Events, or records of them, that a rule of stage `event` refuses; `at` is their index."""
        if not len(refused):
            return
        names = ("fault", "device_id", "recorded_at", "discriminator", *EVENT_DETAILS)
        named = {name: refused.column(name) for name in names}
        constants = _repeated({"mapping_id": mapping.spec.id, **part.event_constants}, len(refused))
        index = pa.repeat(pa.scalar(at, pa.int32()), len(refused)) if isinstance(at, int) else at
        self._refused["event"].append(self._event(refused) | {"index": index} | named | constants)

    def _reading(
        self, columns: Mapping[str, Any], same: Mapping[str, Any], wide: pa.Table, place: int, number: int
    ) -> None:
        """Accepted and refused rows of one reading; what is the same in every row is added to those that are left."""
        fault = wide.column(f"f{number}")
        whole = pa.table(dict(columns))
        if fault.null_count:
            accepted = whole if fault.null_count == len(fault) else whole.filter(pc.is_null(fault))
            known = {name: value for name, value in same.items() if name in READINGS_SCHEMA.names}
            rows = _columns(accepted) | _repeated(known, len(accepted))
            self._readings.append(_table(rows, READINGS_SCHEMA, len(accepted)))
        refused = pc.greater(pc.fill_null(fault, ABSENT), ABSENT)
        if not pc.any(refused).as_py():
            return
        left = whole.drop_columns(["flags"]).filter(refused)
        found = {"fault": fault.filter(refused), "shown": pc.list_element(wide.column("shown").filter(refused), place)}
        if f"u{number}" in wide.column_names:
            found["unit_text"] = wide.column(f"u{number}").filter(refused)
        self._refused["reading"].append(_columns(left) | _repeated(same, len(left)) | found)

    def rule(self, stage: Stage, name: str) -> int:
        """Number of a rule."""
        return self._names[stage].index(name)

    def tables(self, run: Callable[[str, pa.Table], pa.Table]) -> Converted:
        """Both tables; `run` runs a SELECT over a table named `source`."""
        rejects = [self._explained(stage, parts, run) for stage, parts in self._refused.items() if parts]
        return Converted(
            readings=pa.concat_tables([READINGS_SCHEMA.empty_table(), *self._readings]),
            rejects=pa.concat_tables([REJECTS_SCHEMA.empty_table(), *rejects]),
        )

    def _explained(
        self, stage: Stage, parts: Sequence[dict[str, Any]], run: Callable[[str, pa.Table], pa.Table]
    ) -> pa.Table:
        refused = pa.concat_tables([pa.table(part) for part in parts], promote_options="default")
        # A reject of a name without a metric has no unit and no range; it may be the only one.
        known = [name for name in _NAMED[stage] if name in refused.column_names]
        why = run(explanation(stage, "source", known), refused.select(["fault", *known]))
        columns = _columns(refused) | {
            "reason": self._codes[stage].take(refused.column("fault").cast(pa.int64()).combine_chunks()),
            "field": why.column("field"),
            "value": why.column("value"),
            "message": why.column("says"),
        }
        return _table(columns, REJECTS_SCHEMA, len(refused))

    def _event(self, rows: pa.Table) -> dict[str, Any]:
        """The event reference of rows."""
        places, reference = rows.column("row"), self._reference
        same = len(places) == len(reference) and pc.all(pc.equal(places, pa.arange(0, len(places)))).as_py()
        return _columns(reference if same else reference.take(places))


def _says_something(fault: pa.ChunkedArray) -> bool:
    """Whether a reading is accepted or refused anywhere."""
    return bool(fault.null_count) or (len(fault) > 0 and pc.max(fault).as_py() > ABSENT)


def _flags(reading: ReadingColumns | OtherNames, wide: pa.Table, number: int, from_hub: pa.Array | None) -> Any:
    """The flags of a reading; `from_hub` is 1 where the hub's time stands for the device's, None where nowhere."""
    flags = wide.column(f"g{number}") if reading.names_unit else None
    if from_hub is not None:
        hubs = pc.add(pc.multiply(from_hub, int(Flag.RECORDED_AT_ENVELOPE)), reading.flags)
        return hubs if flags is None else pc.add(flags, hubs)
    return pa.repeat(pa.scalar(reading.flags, pa.int64()), len(wide)) if flags is None else flags


def _index(number: int, length: int, places: Places | None) -> pa.Array:
    """Index of reading `number` in each record."""
    if places is None:
        return pa.repeat(pa.scalar(number, pa.int32()), length)
    return pc.add(places.base, pa.scalar(number, pa.int32()))


def _columns(table: pa.Table) -> dict[str, Any]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _repeated(values: Mapping[str, Any], length: int) -> dict[str, pa.Array]:
    """Constant columns; texts where it is not said otherwise."""
    numbers = {"low", "high"}
    return {
        name: pa.repeat(pa.scalar(value, pa.float64()), length) if name in numbers else _constant(value, length)
        for name, value in values.items()
    }


def _constant(text: str | None, length: int) -> pa.Array:
    if text is None:
        return pa.nulls(length, _TEXT)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), length), pa.array([text]))


def _as(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """The column with its texts as `kind` has them: plain, or as dictionaries."""
    if pa.types.is_string(column.type) and pa.types.is_dictionary(kind):
        return pc.dictionary_encode(column)
    return column.cast(kind) if pa.types.is_dictionary(column.type) and pa.types.is_string(kind) else column


def _table(columns: Mapping[str, Any], schema: pa.Schema, length: int) -> pa.Table:
    """The columns the schema names, in its order; what is not there is null."""
    return pa.table(
        [
            _as(columns[field.name], field.type) if field.name in columns else pa.nulls(length, field.type)
            for field in schema
        ],
        schema=schema,
    )
