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

from canonical.compilation import EVENT_DETAILS, Compiled
from canonical.reading_columns import ABSENT
from canonical.routing import ENVELOPE_DETAILS
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import BRONZE_TELEMETRY, EVENT_NAMES, KEY_NAMES, QUARANTINE, READINGS
from quality.rules.macros import explanation, of_stage
from quality.rules.row import STAGES, Rule, Stage

WHOLE_EVENT = -1
"""Index of a reject that concerns the event, not one reading of it."""


def _schema(table: Table, names: Sequence[str]) -> pa.Schema:
    whole = arrow_schema(table)
    return pa.schema([whole.field(name) for name in names])


_REFERENCE = (*EVENT_NAMES, "enqueued_at")
_ENVELOPE = ("device_id", "content_type", "content_encoding", "schema_ref", "properties", "body")
_ADDED_LATER = {"digest", "silver_batch", "enqueued_hour"}
_REASON = ("reason", "field", "value", "message", "mapping_id")
EVENTS_SCHEMA = _schema(BRONZE_TELEMETRY, (*_REFERENCE, *_ENVELOPE))
"""What is read: a projection of bronze.telemetry."""
READINGS_SCHEMA = _schema(READINGS, [name for name in READINGS.names if name not in _ADDED_LATER])
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


class Outcome:
    """What became of one table of events, part by part."""

    def __init__(self, events: pa.Table, rules: Sequence[Rule]) -> None:
        self._reference = events.select(_REFERENCE).combine_chunks()
        self._codes = {stage: pa.array([rule.code for rule in of_stage(stage, rules)], pa.string()) for stage in STAGES}
        self._readings: list[pa.Table] = []
        self._refused: dict[Stage, list[dict[str, Any]]] = {stage: [] for stage in STAGES}

    def refused_by_envelope(self, routed: pa.Table) -> None:
        """Events that no mapping takes."""
        if routed.column("fault").null_count < len(routed):
            refused = routed.filter(pc.is_valid(routed.column("fault")))
            named = {name: refused.column(name) for name in ("fault", *_NAMED["envelope"])}
            self._refused["envelope"].append(self._event(refused) | named)

    def converted_by(self, mapping: Compiled, wide: pa.Table) -> None:
        """Events that a mapping took, as its statement gives them."""
        wide = wide.append_column("recorded_at", wide.column("recorded_us").cast(_INSTANT))
        id_ = {"mapping_id": mapping.spec.id}
        if wide.column("fault").null_count < len(wide):
            refused = wide.filter(pc.is_valid(wide.column("fault")))
            names = ("fault", "device_id", "recorded_at", "discriminator", *EVENT_DETAILS)
            named = {name: refused.column(name) for name in names}
            constants = _repeated(id_ | dict(mapping.event_constants), len(refused))
            self._refused["event"].append(self._event(refused) | named | constants)
            wide = wide.filter(pc.is_null(wide.column("fault")))
        base = self._event(wide) | {name: wide.column(name) for name in ("device_id", "recorded_at", "discriminator")}
        clocks = pa.array(["device", "envelope"]).take(wide.column("from_envelope").cast(pa.int8()).combine_chunks())
        shared = pa.table(base | {"recorded_at_source": clocks})
        for number, reading in enumerate(mapping.readings):
            constants = {"channel": mapping.spec.readings[number].channel, **id_, **reading.constants()}
            self._reading(shared, wide, number, constants)

    def _reading(self, shared: pa.Table, wide: pa.Table, number: int, constants: Mapping[str, Any]) -> None:
        fault = wide.column(f"f{number}")
        accepted = None if fault.null_count == len(fault) else pc.is_null(fault)
        part, rows = (shared, wide) if accepted is None else (shared.filter(accepted), wide.filter(accepted))
        values = {"value": rows.column(f"v{number}"), "flags": rows.column(f"g{number}")}
        fixed = _repeated({"index": number, **constants}, len(part))
        self._readings.append(_table(_columns(part) | fixed | values, READINGS_SCHEMA, len(part)))
        if accepted is None:
            return
        refused = pc.greater(pc.fill_null(fault, ABSENT), ABSENT)
        part, rows = shared.filter(refused), wide.filter(refused)
        named = {"fault": "f", "value": "v", "shown": "t", "unit_text": "u"}
        fixed = _repeated({"index": number, **constants}, len(part))
        found = {name: rows.column(f"{letter}{number}") for name, letter in named.items()}
        self._refused["reading"].append(_columns(part) | fixed | found)

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
        refused = pa.concat_tables([pa.table(part) for part in parts])
        known = _NAMED[stage]
        why = run(explanation(stage, "source", known), refused.select(["fault", *known]))
        columns = _columns(refused) | {
            "reason": self._codes[stage].take(refused.column("fault").cast(pa.int64()).combine_chunks()),
            "field": why.column("field"),
            "value": why.column("value"),
            "message": why.column("says"),
        }
        return _table(columns, REJECTS_SCHEMA, len(refused))

    def _event(self, rows: pa.Table) -> dict[str, Any]:
        """The event reference of rows, with the index of the whole event."""
        places, reference = rows.column("row"), self._reference
        same = len(places) == len(reference) and pc.all(pc.equal(places, pa.arange(0, len(places)))).as_py()
        return _columns(reference if same else reference.take(places)) | _repeated({"index": WHOLE_EVENT}, len(rows))


def _columns(table: pa.Table) -> dict[str, Any]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _repeated(values: Mapping[str, Any], length: int) -> dict[str, pa.Array]:
    """Constant columns; texts where it is not said otherwise."""
    types = {"index": pa.int32(), "low": pa.float64(), "high": pa.float64()}
    return {name: pa.repeat(pa.scalar(value, types.get(name, pa.string())), length) for name, value in values.items()}


def _table(columns: Mapping[str, Any], schema: pa.Schema, length: int) -> pa.Table:
    """The columns the schema names, in its order; what is not there is null."""
    return pa.table(
        [columns[field.name] if field.name in columns else pa.nulls(length, field.type) for field in schema],
        schema=schema,
    )
