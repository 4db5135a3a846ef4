"""The canonical reading and the event envelope as JSON Schema, and the reading as protobuf.

Belongs here: rendering contracts for programs outside: who receives readings or sends events can check them by these.
Does not: the schemas devices speak (`canonical.schemas`), or where the files lie (`orchestration.rendered`).
"""

from __future__ import annotations

import json
from typing import Any

from quality.contracts.metrics import METRICS, Metric
from quality.contracts.model import Column, Table, Type
from quality.contracts.tables import BRONZE_TELEMETRY, READINGS

_MADE = "Rendered from quality/contracts by `lakehouse contracts render`; edit the contract, not this file."
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: dict[str, Any] = {"type": "string"}
_JSON: dict[Type, dict[str, Any]] = {
    "string": _TEXT,
    "double": {"type": "number"},
    "long": {"type": "integer"},
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "map": {"type": "object", "additionalProperties": _TEXT},
    "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
    "strings": {"type": "array", "items": _TEXT},
    "dates": {"type": "array", "items": {"type": "string", "format": "date"}},
}
_PROTO: dict[Type, str] = {
    "string": "string",
    "double": "double",
    "long": "int64",
    "int": "int32",
    "boolean": "bool",
    "timestamp": "google.protobuf.Timestamp",
}
FIELD_NUMBERS: dict[str, int] = {
    "device_id": 1, "metric": 2, "channel": 3, "recorded_at": 4, "discriminator": 5, "value": 6, "value_text": 7,
    "unit": 8, "flags": 9, "recorded_at_source": 10, "hub": 11, "partition_id": 12, "epoch": 13,
    "sequence_number": 14, "index": 15, "enqueued_at": 16, "mapping_id": 17, "digest": 18, "silver_batch": 19,
    "enqueued_hour": 20,
}  # fmt: skip
"""Numbers of `Reading` on the wire: one is never given to another column, not even after its column is gone."""


def reading_schema() -> str:
    """JSON Schema of one row of `silver.readings`, each metric with its unit, limits and states."""
    made = _object(READINGS, "reading")
    made["properties"]["metric"] = {"type": "string", "enum": [metric.name for metric in METRICS]}
    made["allOf"] = [
        {"if": {"properties": {"metric": {"const": metric.name}}}, "then": {"properties": _limits(metric)}}
        for metric in METRICS
    ]
    return _written(made)


def event_schema() -> str:
    """JSON Schema of one event with its envelope, a row of `bronze.telemetry`."""
    return _written(_object(BRONZE_TELEMETRY, "event"))


def _object(table: Table, name: str) -> dict[str, Any]:
    return {
        "$comment": _MADE,
        "$schema": _DRAFT,
        "$id": f"urn:telemetry-lakehouse:{name}",
        "title": name,
        "description": table.says,
        "type": "object",
        "properties": {column.name: _of(column) for column in table.columns},
        "required": [column.name for column in table.columns if not column.null],
        "additionalProperties": False,
    }


def _of(column: Column) -> dict[str, Any]:
    made = dict(_JSON[column.type])
    if column.null:
        made["type"] = [made["type"], "null"]
    return made | {"description": column.says}


def _limits(metric: Metric) -> dict[str, Any]:
    """What a reading of the metric looks like: a number within limits, or a text that is one of its states."""
    if metric.kind in {"state", "event"}:
        text: dict[str, Any] = {"enum": list(metric.states)} if metric.states else {"type": "string"}
        return {"unit": {"const": metric.unit}, "value": {"type": "null"}, "value_text": text}
    number: dict[str, Any] = {"type": "number"}
    number |= {} if metric.low is None else {"minimum": metric.low}
    number |= {} if metric.high is None else {"maximum": metric.high}
    return {"unit": {"const": metric.unit}, "value": number, "value_text": {"type": "null"}}


def _written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def reading_proto() -> str:
    """The canonical reading as a proto3 file."""
    lines = [
        f"// {_MADE}",
        'syntax = "proto3";',
        "",
        "package lakehouse.v1;",
        "",
        'import "google/protobuf/timestamp.proto";',
        "",
        f"// {READINGS.says}",
        "message Reading {",
    ]
    for column in sorted(READINGS.columns, key=lambda column: FIELD_NUMBERS[column.name]):
        optional = "optional " if column.null else ""
        lines += [
            f"  // {column.says}",
            f"  {optional}{_PROTO[column.type]} {column.name} = {FIELD_NUMBERS[column.name]};",
        ]
    return "\n".join([*lines, "}"]) + "\n"
