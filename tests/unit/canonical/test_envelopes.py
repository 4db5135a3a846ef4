"""One event of a kind is routed for all of its kind, and each comes out as if it had been asked itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.decoders.protobuf_detection import Detection
from canonical.examples import event_of
from canonical.routing import source_table
from canonical.specs import load_specs

EVENT: dict[str, Any] = {
    "hub": "h",
    "partition_id": "0",
    "epoch": 0,
    "enqueued_at": datetime(2026, 1, 1, tzinfo=UTC),
    "device_id": "d",
    "content_type": "application/json",
    "content_encoding": None,
    "schema_ref": None,
    "properties": [],
    "body": b"{}",
}
ODD: list[dict[str, Any]] = [
    *({"content_type": kind} for kind in (None, "", "text/none", "APPLICATION/JSON; charset=utf-8", " text/csv ")),
    *({"body": body} for body in (b"", None, b"x" * 300_000, b"\xff", b"[1]")),
    *({"schema_ref": schema} for schema in ("telemetry.v9", "simulator.v1")),
    *({"content_encoding": encoding, "body": b"\x1f\x8b"} for encoding in ("gzip", "GZIP", "brotli")),
    {"content_type": "application/x-protobuf", "schema_ref": "telemetry.v9"},
    {"properties": [("mqtt-topic", "a/b"), ("mqtt-topic", "c")]},
]


@pytest.fixture(scope="module")
def canonicaliser() -> Canonicaliser:
    return Canonicaliser.of(load_specs())


def test_events_of_one_kind_are_routed_as_each_by_itself(canonicaliser: Canonicaliser) -> None:
    specs = load_specs()
    rows = [event_of(spec, example).to_pylist()[0] for spec in specs for example in spec.examples]
    rows = [*rows, *(EVENT | odd for odd in ODD)] * 3
    events = pa.Table.from_pylist([row | {"sequence_number": n} for n, row in enumerate(rows)], schema=EVENTS_SCHEMA)
    source = Detection(specs).named(source_table(events, canonicaliser._properties, 262_144))

    routed = canonicaliser._routed(source)
    by_itself = canonicaliser.run(canonicaliser._routing, source)

    told = routed.column("fault").is_valid()
    assert routed.select(["row", "mapping", "fault"]).equals(by_itself.select(["row", "mapping", "fault"]))
    assert routed.filter(told).combine_chunks().equals(by_itself.filter(told).combine_chunks())


def test_equal_envelopes_are_one_kind_and_odd_bodies_kinds_of_their_own(canonicaliser: Canonicaliser) -> None:
    rows = [EVENT | {"content_type": "text/csv", "sequence_number": n} for n in range(50)]
    rows[7] = rows[7] | {"body": b""}
    source = source_table(pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA), canonicaliser._properties, 262_144)
    firsts, kinds = canonicaliser._envelopes.kinds(source)
    assert firsts.tolist() == [0, 7]
    assert [n for n, kind in enumerate(kinds.tolist()) if kind == 1] == [7]
