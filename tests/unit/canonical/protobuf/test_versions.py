"""Versions of telemetry: an older message is one of a newer version, and an unnamed one is taken for the oldest."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.decoders.protobuf_detection import versions_of
from canonical.decoders.protobuf_documents import ProtobufDocuments
from canonical.schemas import telemetry_v1_pb2, telemetry_v2_pb2, telemetry_v3_pb2
from canonical.schemas.registry import SCHEMAS
from canonical.specs import load_specs

V1, V2, V3 = (module.Telemetry for module in (telemetry_v1_pb2, telemetry_v2_pb2, telemetry_v3_pb2))
VERSIONS = ("telemetry.v1", "telemetry.v2", "telemetry.v3")
BASE = {"device": "d-1", "time_ms": 1_700_000_000_000, "temperature": 20.5, "humidity": 40.0}
SECOND = {**BASE, "pressure": 1001.5, "location": {"latitude": 52.5, "longitude": 13.5}}


def bytes_of(kind, **fields):
    return kind(**fields).SerializeToString()


@pytest.mark.parametrize(("older", "newer"), [(V1, V2), (V1, V3), (V2, V3)])
def test_an_older_message_is_one_of_a_newer_version(older, newer):
    fields = BASE if older is V1 else SECOND
    body = bytes_of(older, **fields)

    assert newer.FromString(body).SerializeToString(deterministic=True) == body
    shared = {field.name: (field.number, field.type) for field in older.DESCRIPTOR.fields if field.name != "location"}
    assert shared.items() <= {field.name: (field.number, field.type) for field in newer.DESCRIPTOR.fields}.items()


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (bytes_of(V1, **BASE), 0),
        (b"", 0),
        (bytes_of(V2, **SECOND), 1),
        (bytes_of(V2, metadata={"a": "b"}), 1),
        (bytes_of(V3, battery=3.5), 2),
        (bytes_of(V3, error_codes=[1, 300]), 2),
        (b"\x50\x01", 2),
        (b"\x0b", 2),
        (b"\x0d\x00\x00\x00\x00", 2),
        (b"\x0a\xff\xff\xff\xff\x0f", 2),
        (b"\xff" * 20, 2),
        (b"\x60\x01", 2),
    ],
)
def test_the_oldest_version_that_knows_all_fields_is_taken_else_the_newest(body, version):
    assert versions_of(pa.array([b"", body, None]), VERSIONS).to_pylist()[1] == VERSIONS[version]


def test_a_document_has_the_fields_by_name_and_the_last_of_a_key_counts():
    twice = bytes_of(V3, **BASE, metadata={"a": "1"}) + bytes_of(V3, metadata={"a": "2"}, error_codes=[7, 8])

    texts, faults = ProtobufDocuments(SCHEMAS["telemetry.v3"]).documents(pa.array([twice, None, twice[:-1], b""]))

    document = json.loads(texts[0].as_py(), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert (document["metadata"], document["error_codes"]) == ({"a": "2"}, [7, 8])
    assert (document["device"], document["humidity"], document["battery"]) == ("d-1", 40.0, None)
    assert json.loads(texts[3].as_py())["device"] is None
    assert faults.to_pylist() == [None, None, "invalid_protobuf", None]


@pytest.fixture(scope="module")
def canonicaliser():
    return Canonicaliser.of([spec for spec in load_specs() if spec.id.startswith("simulator_protobuf")])


def event(number, body, schema_ref):
    row = dict.fromkeys(EVENTS_SCHEMA.names)
    row |= {"hub": "h", "partition_id": "0", "epoch": 1, "sequence_number": number, "body": body, "properties": []}
    row |= {"enqueued_at": 1_700_000_001_000_000, "schema_ref": schema_ref}
    return row | {"content_type": "Application/X-Protobuf; v=1"}


def test_an_event_without_a_schema_is_read_as_its_version_and_one_with_it_as_named(canonicaliser):
    bodies = [
        (bytes_of(V1, **BASE), None),
        (bytes_of(V2, **SECOND), None),
        (bytes_of(V3, **SECOND, battery=3.5, error_codes=[7, 12]), None),
        (b"\xff", None),
        (bytes_of(V1, **BASE), "telemetry.v2"),
        (bytes_of(V1, **BASE), "telemetry.v9"),
    ]
    events = [event(number, body, schema) for number, (body, schema) in enumerate(bodies)]

    converted = canonicaliser.convert(pa.Table.from_pylist(events, schema=EVENTS_SCHEMA))

    mappings = {row["sequence_number"]: row["mapping_id"] for row in converted.readings.to_pylist()}
    assert mappings == {
        0: "simulator_protobuf",
        1: "simulator_protobuf_v2",
        2: "simulator_protobuf_v3",
        4: "simulator_protobuf_v2",
    }
    reasons = [(row["sequence_number"], row["reason"]) for row in converted.rejects.to_pylist()]
    assert sorted(reasons) == [(3, "invalid_protobuf"), (4, "missing_field"), (5, "unknown_schema")]
    errors = [row for row in converted.readings.to_pylist() if row["metric"] == "device_error"]
    assert [(row["channel"], row["value_text"]) for row in errors] == [("code-7", "7"), ("code-12", "12")]
