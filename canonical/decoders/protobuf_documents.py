"""Protobuf messages to JSON documents, for mappings that take lists in a message apart.

Belongs here: a message as the JSON object of its fields, by their names. What is not there is null, and so is a field
without presence at its default, which cannot be told from nothing; lists are arrays, maps objects, bytes base64, NaN
and Infinity their names. Of a map's key written twice the last counts, as protobuf has it.
Does not: mappings whose fields all have one place: those read columns (`protobuf_messages`), at a third of the cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from canonical import sql
from canonical.decoders.protobuf_isolation import SoundMessages
from canonical.engine import Engine

if TYPE_CHECKING:
    from google._upb._message import FieldDescriptor as FastFieldDescriptor
    from google.protobuf.descriptor import FieldDescriptor as PlainFieldDescriptor

    from canonical.schemas.registry import Descriptor

    FieldDescriptor = FastFieldDescriptor | PlainFieldDescriptor

FAULT = "invalid_protobuf"


class ProtobufDocuments:
    """Documents of messages of one schema. One instance per thread."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._messages = SoundMessages(descriptor)
        self._fields = [field for field in descriptor.fields if _is_map(field) or not _holds_map(field)]
        fields = ", ".join(f"{sql.name(field.name)} := {_json(field)}" for field in self._fields)
        self._statement = (
            f"SELECT CASE WHEN sound THEN to_json(struct_pack({fields})) END::VARCHAR AS document, "
            f"CASE WHEN NOT sound THEN {sql.text(FAULT)} END AS fault FROM source"
        )
        self._engine = Engine()

    def documents(self, bodies: pa.Array) -> tuple[pa.Array, pa.Array]:
        """JSON text per body and the fault; a null body gives neither."""
        messages, sound = self._messages.decode(pa.chunked_array([bodies.cast(pa.binary())]))
        columns = {field.name: messages.column(field.name) for field in self._fields}
        columns |= {field.name: _entries(columns[field.name]) for field in self._fields if _is_map(field)}
        given = pc.if_else(bodies.is_valid(), sound, pa.scalar(None, pa.bool_()))
        result = self._engine.run(self._statement, pa.table({**columns, "sound": given}))
        return _whole(result.column("document")), _whole(result.column("fault"))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *(chunk.cast(pa.string()) for chunk in column.chunks)])


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _holds_map(field: FieldDescriptor, depth: int = 8) -> bool:
    """Whether a map lies somewhere below; the engine cannot read one with a key twice, and senders can write it."""
    if field.message_type is None or not depth:
        return False
    return _is_map(field) or any(_holds_map(below, depth - 1) for below in field.message_type.fields)


def _json(field: FieldDescriptor) -> str:
    """SQL: what stands for the field in the document."""
    column = sql.name(field.name)
    if _is_map(field):
        entry = "to_json(e.key::VARCHAR)::VARCHAR || ':' || to_json(e.value)::VARCHAR"
        return (
            f"('{{' || array_to_string(list_transform(list_reverse({column}), lambda e: {entry}), ',') || '}}')::JSON"
        )
    if field.type == field.TYPE_BYTES:
        encoded = f"list_transform({column}, lambda e: to_base64(e))" if field.is_repeated else f"to_base64({column})"
        return encoded if field.is_repeated or field.has_presence else f"nullif({encoded}, '')"
    if field.is_repeated or field.has_presence:
        return column
    return f"nullif({column}, {_DEFAULTS.get(field.cpp_type, '0')})"


_DEFAULTS = {9: "''", 7: "false"}
"""By protobuf's number of the type; 0 of all others."""


def _entries(maps: pa.ChunkedArray) -> pa.ChunkedArray:
    """Maps as lists of their entries."""
    chunks = []
    for chunk in maps.chunks:
        entries = pa.StructArray.from_arrays([chunk.keys, chunk.items], names=["key", "value"])
        offsets = pc.subtract(chunk.offsets, chunk.offsets[0]) if len(chunk) else chunk.offsets
        chunks.append(pa.ListArray.from_arrays(offsets, entries))
    entry = pa.struct([("key", maps.type.key_type), ("value", maps.type.item_type)])
    return pa.chunked_array(chunks, pa.list_(entry))
