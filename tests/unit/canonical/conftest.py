from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.schemas.telemetry_v1_pb2 import Telemetry
from canonical.spec_model import MappingSpec
from canonical.specs import load_specs

Event = dict[str, Any]
MakeEvent = Callable[..., Event]
ENQUEUED = datetime(2026, 11, 21, 3, 0, 1, tzinfo=UTC)
GOOD = {
    "device": "sim-00001",
    "time": "2026-11-21T03:00:00.000Z",
    "temperature": 21.5,
    "temperature_unit": "degC",
    "humidity": 41.25,
    "pressure": 101325.0,
    "battery": 3.61,
}


def _envelope(body: bytes, content_type: str | None, schema: str | None, changes: Mapping[str, Any]) -> Event:
    properties = ([("schema", schema)] if schema else []) + [("sys.message_id", "m-1")]
    return {
        "hub": "telemetry",
        "partition_id": "0",
        "epoch": 1,
        "sequence_number": 0,
        "enqueued_at": ENQUEUED,
        "device_id": None,
        "content_type": content_type,
        "content_encoding": None,
        "schema_ref": schema,
        "properties": properties,
        "body": body,
        **changes,
    }


@pytest.fixture(scope="session")
def json_event() -> MakeEvent:
    """A simulator event; `body` replaces all of it, `fields` some of it (None takes a field away)."""

    def make(body: bytes | None = None, fields: Mapping[str, Any] | None = None, **changes: Any) -> Event:
        payload = {**GOOD, **(fields or {})}
        text = json.dumps({key: value for key, value in payload.items() if value is not None})
        return _envelope(text.encode() if body is None else body, "application/json", "simulator.v1", changes)

    return make


@pytest.fixture(scope="session")
def protobuf_event() -> MakeEvent:
    def make(body: bytes | None = None, fields: Mapping[str, Any] | None = None, **changes: Any) -> Event:
        time_ms = int(ENQUEUED.timestamp()) * 1000
        message = {"device": "sim-00002", "time_ms": time_ms, "temperature": 20.5, "humidity": 50.0, **(fields or {})}
        whole = Telemetry(**{key: value for key, value in message.items() if value is not None}).SerializeToString()
        return _envelope(whole if body is None else body, "application/x-protobuf", "telemetry.v1", changes)

    return make


@pytest.fixture(scope="session")
def csv_event() -> MakeEvent:
    def make(body: bytes = b"7, 1500000000125, 40.5, 2, 21.25, 38.5, 120.5, 310, 1, 2, 0, 1", **changes: Any) -> Event:
        return _envelope(body, "text/csv", "room_climate", changes)

    return make


@pytest.fixture(scope="session")
def specs() -> tuple[MappingSpec, ...]:
    return load_specs()


@pytest.fixture(scope="session")
def canonicaliser(specs: tuple[MappingSpec, ...]) -> Canonicaliser:
    return Canonicaliser.of(specs)


@pytest.fixture(scope="session")
def table() -> Callable[[list[Event]], pa.Table]:
    """Events as a table; each gets its place as sequence number."""

    def make(events: list[Event]) -> pa.Table:
        numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
        return pa.Table.from_pylist(numbered, schema=EVENTS_SCHEMA)

    return make


@pytest.fixture(scope="session")
def outcome(canonicaliser: Canonicaliser, table: Callable[[list[Event]], pa.Table]) -> Callable[..., Any]:
    """What one event becomes among good neighbours: its readings by index, its rejects by index."""

    def run(event: Event, using: Canonicaliser | None = None, neighbour: Event | None = None) -> Any:
        around = neighbour or event
        converted = (using or canonicaliser).convert(table([around, event, around]))
        readings = {row["index"]: row for row in converted.readings.to_pylist() if row["sequence_number"] == 1}
        rejects = {row["index"]: row for row in converted.rejects.to_pylist() if row["sequence_number"] == 1}
        return readings, rejects

    return run


@pytest.fixture(scope="session")
def spec_of() -> Callable[..., MappingSpec]:
    """A small JSON mapping with parts replaced."""

    def make(**parts: Any) -> MappingSpec:
        base = {
            "id": "vendor",
            "version": 1,
            "description": "A vendor's message.",
            "match": {"content_type": ["application/json"], "schema_ref": "vendor"},
            "decode": {"format": "json"},
            "device": {"path": "id", "source": "vendor"},
            "time": {"path": "at"},
            "readings": [{"metric": "air_temperature", "path": "t", "unit": "degC"}],
        }
        return MappingSpec.model_validate({**base, **parts})

    return make


@pytest.fixture(scope="session")
def vendor_outcome(
    spec_of: Callable[..., MappingSpec], json_event: MakeEvent, csv_event: MakeEvent, outcome: Callable[..., Any]
) -> Callable[..., Any]:
    """What a body becomes under the vendor mapping with parts replaced."""

    def run(body: str, envelope: Mapping[str, Any] | None = None, **parts: Any) -> Any:
        spec = spec_of(**parts)
        make = csv_event if spec.decode.format == "csv" else json_event
        event = make(body.encode(), schema_ref="vendor", **(envelope or {}))
        return outcome(event, using=Canonicaliser.of([spec]))

    return run


@pytest.fixture(scope="session")
def makers(json_event: MakeEvent, csv_event: MakeEvent, protobuf_event: MakeEvent) -> dict[str, MakeEvent]:
    return {"json": json_event, "csv": csv_event, "protobuf": protobuf_event}


Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="session")
def read(spec_of: Callable[..., MappingSpec], table: Callable[[list[Event]], pa.Table]) -> Callable[..., Any]:
    """What bodies become under the vendor mapping with parts replaced: (event, index, …) of readings and of rejects.

    A reading goes on with device, metric, channel and its value or text; a reject with its reason.
    """

    def run(parts: Mapping[str, Any], *bodies: Any, envelope: Mapping[str, Any] | None = None) -> tuple[Rows, Rows]:
        spec = spec_of(**parts)
        made = [body if isinstance(body, bytes) else as_text(body).encode() for body in bodies]
        content_type = spec.match.content_type[0]
        events = [_envelope(body, content_type, spec.match.schema_ref, envelope or {}) for body in made]
        converted = Canonicaliser.of([spec]).convert(table(events))
        readings = [
            (*_place(row), row["device_id"].partition(":")[2], row["metric"], row["channel"], _said(row))
            for row in converted.readings.to_pylist()
        ]
        rejects = [(*_place(row), row["reason"]) for row in converted.rejects.to_pylist()]
        return sorted(readings, key=repr), sorted(rejects, key=repr)

    return run


def as_text(body: Any) -> str:
    """A body as JSON, unless it is a text already."""
    return body if isinstance(body, str) else json.dumps(body)


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["sequence_number"], row["index"]


def _said(row: Mapping[str, Any]) -> Any:
    return row["value"] if row["value_text"] is None else row["value_text"]
