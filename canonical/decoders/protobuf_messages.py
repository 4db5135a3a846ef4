"""Protobuf messages of a registered schema to cells.

Belongs here: decoding many messages at once and finding the broken ones among them. The fast decoder fails a whole
batch for one bad message, so a batch that fails is halved until the bad ones stand alone: what is broken is always the
same decoder's verdict on that message by itself. (protobuf's own parser differs on some garbage; asking it for a second
opinion would make the verdict depend on the neighbours.)
Does not: which field is which metric (`canonical/specs`), which schemas there are (`schemas.registry`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ptars
import pyarrow as pa
import pyarrow.compute as pc

from canonical import sql
from canonical.decoders.cell import Cell

if TYPE_CHECKING:
    from google._upb._message import FieldDescriptor as FastFieldDescriptor
    from google.protobuf.descriptor import FieldDescriptor as PlainFieldDescriptor

    from canonical.schemas.registry import Descriptor

    FieldDescriptor = FastFieldDescriptor | PlainFieldDescriptor

CHUNK = 512
"""Messages decoded at once: small enough that one bad message among them costs little."""


class ProtobufMessages:
    """Decoder of one message a body."""

    def __init__(self, schema: str, descriptor: Descriptor) -> None:
        self._schema = schema
        self._descriptor = descriptor
        self._handler = ptars.HandlerPool([descriptor.file]).get_for_message(descriptor)

    def prepare(self, source: pa.Table) -> pa.Table:
        """`source` without its bodies but with the fields of the message as `m_<field>`, and whether it is `sound`."""
        parts: list[pa.RecordBatch] = []
        broken: list[int] = []
        first = 0
        for chunk in source.column("body").chunks:
            for start in range(0, len(chunk), CHUNK):
                bodies = chunk.slice(start, CHUNK)
                batch = self._decoded(bodies)
                if batch is None:
                    bad = list(self._broken(bodies, 0))
                    broken += [first + start + place for place in bad]
                    batch = self._decoded(_emptied(bodies, bad))
                parts.append(batch)
            first += len(chunk)
        messages = pa.Table.from_batches(parts, schema=self._handler.schema()).combine_chunks()
        result = source.drop_columns(["body"])
        for name, column in zip(messages.column_names, messages.columns, strict=True):
            result = result.append_column(f"m_{name}", column)
        bad_rows = source.column("row").take(pa.array(broken, pa.int64()))
        return result.append_column("sound", pc.invert(pc.is_in(source.column("row"), value_set=bad_rows)))

    def _decoded(self, bodies: pa.Array) -> pa.RecordBatch | None:
        """The messages, or None where one of them is none."""
        try:
            return self._handler.array_to_record_batch(bodies)
        except ValueError:
            return None

    def _broken(self, bodies: pa.Array, first: int) -> Iterator[int]:
        """Places, from `first`, of the broken ones among bodies that do not decode together."""
        if len(bodies) == 1:
            yield first
            return
        middle = len(bodies) // 2
        for start, half in ((0, bodies.slice(0, middle)), (middle, bodies.slice(middle))):
            if self._decoded(half) is None:
                yield from self._broken(half, first + start)

    def relation(self, source: str, keep: str) -> str:
        """The columns of the message beside the fault."""
        return f"""
            SELECT {keep}, COLUMNS('m_.*'), {sql.text(self._schema)} AS body_detail,
                CASE WHEN NOT sound THEN 'invalid_protobuf' END AS body_fault
            FROM {source}"""

    def cell(self, path: str) -> Cell:
        """A field without presence is there when it is not the default: zero cannot be told from nothing."""
        field, column = resolve(self._descriptor, path)
        as_text = f"({column})::VARCHAR"
        kind = kind_of(field)
        default = {"number": "0", "whole": "0", "text": "''", "flag": "false"}[kind]
        given = f"{column} IS NOT NULL" if field.has_presence else f"coalesce({column} <> {default}, false)"
        numeric = kind in {"number", "whole"}
        return Cell(
            given=given,
            number=f"({column})::DOUBLE" if numeric else "NULL::DOUBLE",
            digits=as_text if numeric else "NULL::VARCHAR",
            text=column if kind == "text" else "NULL::VARCHAR",
            name=column if kind == "text" else as_text if kind == "whole" else "NULL::VARCHAR",
            shown=as_text,
        )


def resolve(descriptor: Descriptor, path: str) -> tuple[FieldDescriptor, str]:
    """The field at a dotted path, and the SQL that reads it; KeyError where there is none."""
    first, *rest = path.split(".")
    field = descriptor.fields_by_name[first]
    column = sql.name(f"m_{first}")
    for part in rest:
        if field.message_type is None:
            raise KeyError(path)
        field = field.message_type.fields_by_name[part]
        column = f"({column}).{sql.name(part)}"
    return field, column


def kind_of(field: FieldDescriptor) -> str:
    """`number`, `whole`, `text`, `flag`, or `other` for what a cell cannot be (bytes, messages, repeated)."""
    if field.is_repeated:
        return "other"
    kinds = {
        field.CPPTYPE_DOUBLE: "number",
        field.CPPTYPE_FLOAT: "number",
        field.CPPTYPE_BOOL: "flag",
        field.CPPTYPE_INT32: "whole",
        field.CPPTYPE_INT64: "whole",
        field.CPPTYPE_UINT32: "whole",
        field.CPPTYPE_UINT64: "whole",
    }
    if field.cpp_type == field.CPPTYPE_STRING and field.type == field.TYPE_STRING:
        return "text"
    return kinds.get(field.cpp_type, "other")


def _emptied(bodies: pa.Array, places: list[int]) -> pa.Array:
    """Bodies with those at `places` empty, which every schema reads as a message of defaults."""
    mask = pc.is_in(pa.arange(0, len(bodies)), value_set=pa.array(places, pa.int64()))
    return pc.if_else(mask, pa.scalar(b"", pa.binary()), bodies)
