"""Which mapping reads an event.

Belongs here: the envelope as columns, the choice of the mapping (the first that matches, those that ask for more before
the others), and the rules that need no more of the body than its shape.
Does not: the body's fields (`decoders`, `compilation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from canonical import sql
from canonical.compression import decompressed
from canonical.decoders.conditions import is_one_of
from canonical.decoders.json_objects import raw_cell
from canonical.paths import place
from canonical.spec.decode import ProtobufDecode
from canonical.spec_model import MAX_BODY_BYTES, MappingSpec
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
    shapes = sorted({path for spec in specs for path in spec.match.shape})
    order = _order(specs)
    whens = " ".join(f"WHEN {_matches(specs[number], properties, shapes)} THEN {number}" for number in order)
    known = sorted({media for spec in specs for media in spec.match.content_type})
    protobuf = sorted(
        {media for spec in specs if isinstance(spec.decode, ProtobufDecode) for media in spec.match.content_type}
    )
    unregistered = (
        f"coalesce(media IN ({sql.texts(protobuf)}) AND schema_ref NOT IN ({sql.texts(schemas)}), false)"
        if protobuf
        else "false"
    )
    limits = " ".join(f"WHEN {number} THEN {spec.max_body_bytes}" for number, spec in enumerate(specs))
    ids = " ".join(f"WHEN {number} THEN {sql.text(spec.id)}" for number, spec in enumerate(specs))
    return f"""
WITH media AS (
    SELECT *, nullif(lower(trim(split_part(content_type, ';', 1))), '') AS media FROM source
),
shaped AS ({_shaped([specs[number] for number in order], properties, shapes)}),
routed AS (
    SELECT * EXCLUDE (content_type, body, shape), media AS content_type, CASE {whens} END AS mapping,
        coalesce(octet_length(body), 0) AS body_bytes, NOT {unregistered} AS schema_registered,
        coalesce(media IN ({sql.texts(known)}), false) AS content_type_known
    FROM shaped
),
limited AS (
    SELECT *, CASE mapping {ids} END AS mapping_id,
        CASE mapping {limits} ELSE {MAX_BODY_BYTES} END AS max_body_bytes FROM routed
),
judged AS (SELECT *, {fault("envelope", **{name: name for name in COLUMNS["envelope"]})} AS fault FROM limited)
SELECT row, mapping::SMALLINT AS mapping, fault, mapping_id, body_bytes, max_body_bytes,
    {", ".join(f"CASE WHEN fault IS NOT NULL THEN left({name}, 200) END AS {name}" for name in ENVELOPE_DETAILS)}
FROM judged"""


def _order(specs: Sequence[MappingSpec]) -> list[int]:
    """Places of the specs, those that ask for more first: schema or properties, then the shape; then by id."""
    named = [spec.match.schema_ref is not None or bool(spec.match.named) for spec in specs]
    return sorted(range(len(specs)), key=lambda n: (not named[n], not specs[n].match.shape, specs[n].id))


def _shaped(ordered: Sequence[MappingSpec], properties: Mapping[str, str], shapes: Sequence[str]) -> str:
    """The fields that tell specs apart, read once, and only of events that no spec takes by its envelope alone."""
    if not shapes:
        return "SELECT *, NULL AS shape FROM media"
    asked: list[str] = []
    taken: list[str] = []
    for spec in ordered:
        envelope = _envelope(spec, properties)
        if spec.match.shape:
            asked.append(f"({envelope}{''.join(f' AND NOT coalesce({test}, false)' for test in taken)})")
        else:
            taken.append(f"({envelope})")
    paths = sql.texts(place(path, 0).json for path in shapes)
    text = f"CASE WHEN {' OR '.join(asked)} THEN try(decode(body)) END"
    return f"SELECT *, json_extract(try_cast({text} AS JSON), [{paths}])::VARCHAR[] AS shape FROM media"


def _envelope(spec: MappingSpec, properties: Mapping[str, str]) -> str:
    match = spec.match
    tests = [f"media IN ({sql.texts(match.content_type)})"]
    if match.schema_ref is not None:
        tests.append(f"schema_ref = {sql.text(match.schema_ref)}")
    tests += [f"{properties[name]} = {sql.text(value)}" for name, value in sorted(match.properties.items())]
    tests += [
        f"regexp_matches({properties[name]}, {sql.text(pattern)})" for name, pattern in sorted(match.patterns.items())
    ]
    return " AND ".join(tests)


def _matches(spec: MappingSpec, properties: Mapping[str, str], shapes: Sequence[str]) -> str:
    match = spec.match
    envelope = _envelope(spec, properties)
    if not match.shape:
        return envelope
    cells = {path: raw_cell(f"shape[{number}]") for number, path in enumerate(shapes, start=1)}
    looks = [cells[path].given for path in match.has]
    looks += [f"NOT {cells[path].given}" for path in match.lacks]
    looks += [is_one_of(cells[path], (text,)) for path, text in sorted(match.equals.items())]
    # What is no JSON goes to the first that might have read it, which says what is wrong with it.
    return f"{envelope} AND (shape IS NULL OR ({' AND '.join(looks)}))"
