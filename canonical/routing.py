"""Which mapping reads an event.

Belongs here: the envelope as columns, the choice of the mapping (the first by id that matches), and the rules that need
no look into the body.
Does not: the body (`decoders`, `compilation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from canonical import sql
from canonical.compression import decompressed
from canonical.spec_model import MAX_BODY_BYTES, MappingSpec, ProtobufDecode
from quality.rules.macros import fault
from quality.rules.row import COLUMNS

ENVELOPE_DETAILS = ("content_type", "schema_ref", "content_encoding")


def source_table(events: pa.Table, properties: Mapping[str, str], largest_body: int) -> pa.Table:
    """The events as the statements read them, with one column for each property a mapping looks at.

    The others are row, enqueued_us, envelope_device, content_type, content_encoding, schema_ref, encoding_fault, body.
    """
    body, fault = decompressed(events, largest_body)
    columns = {
        "row": pa.arange(0, len(events)),
        "enqueued_us": events.column("enqueued_at").cast(pa.int64()),
        "envelope_device": events.column("device_id"),
        "content_type": events.column("content_type"),
        "content_encoding": events.column("content_encoding"),
        "schema_ref": events.column("schema_ref"),
        "encoding_fault": fault,
        "body": body,
    }
    # Looked up here, because the engine refuses a map in which a key is twice, and senders can write one.
    for name, column in properties.items():
        columns[column] = pc.map_lookup(events.column("properties"), pa.scalar(name), "first")
    return pa.table(columns)


def routing_statement(specs: Sequence[MappingSpec], properties: Mapping[str, str], schemas: Sequence[str]) -> str:
    """A SELECT over `source`: row, mapping (place in `specs`, or NULL), fault, and what a message may need."""
    whens = " ".join(f"WHEN {_matches(spec, properties)} THEN {place}" for place, spec in enumerate(specs))
    known = sorted({media for spec in specs for media in spec.match.content_type})
    protobuf = sorted(
        {media for spec in specs if isinstance(spec.decode, ProtobufDecode) for media in spec.match.content_type}
    )
    unregistered = (
        f"coalesce(media IN ({sql.texts(protobuf)}) AND schema_ref NOT IN ({sql.texts(schemas)}), false)"
        if protobuf
        else "false"
    )
    limits = " ".join(f"WHEN {place} THEN {spec.max_body_bytes}" for place, spec in enumerate(specs))
    ids = " ".join(f"WHEN {place} THEN {sql.text(spec.id)}" for place, spec in enumerate(specs))
    return f"""
WITH media AS (
    SELECT *, nullif(lower(trim(split_part(content_type, ';', 1))), '') AS media FROM source
),
routed AS (
    SELECT * EXCLUDE (content_type, body), media AS content_type, CASE {whens} END AS mapping,
        coalesce(octet_length(body), 0) AS body_bytes, NOT {unregistered} AS schema_registered,
        coalesce(media IN ({sql.texts(known)}), false) AS content_type_known
    FROM media
),
limited AS (
    SELECT *, CASE mapping {ids} END AS mapping_id,
        CASE mapping {limits} ELSE {MAX_BODY_BYTES} END AS max_body_bytes FROM routed
),
judged AS (SELECT *, {fault("envelope", **{name: name for name in COLUMNS["envelope"]})} AS fault FROM limited)
SELECT row, mapping::TINYINT AS mapping, fault, mapping_id, body_bytes, max_body_bytes,
    {", ".join(f"CASE WHEN fault IS NOT NULL THEN left({name}, 200) END AS {name}" for name in ENVELOPE_DETAILS)}
FROM judged"""


def _matches(spec: MappingSpec, properties: Mapping[str, str]) -> str:
    tests = [f"media IN ({sql.texts(spec.match.content_type)})"]
    if spec.match.schema_ref is not None:
        tests.append(f"schema_ref = {sql.text(spec.match.schema_ref)}")
    tests += [f"{properties[name]} = {sql.text(value)}" for name, value in sorted(spec.match.properties.items())]
    return " AND ".join(tests)
