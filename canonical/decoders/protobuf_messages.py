"""Protobuf messages of a registered schema to cells.

Belongs here: the fields of a message as columns and what is at a path of the spec.
Does not: decoding and finding the broken messages (`protobuf_isolation`), lists in a message (`protobuf_documents`),
which field is which metric (`canonical/specs`), or which schemas there are (`schemas.registry`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from canonical import sql
from canonical.decoders.cell import Cell
from canonical.decoders.protobuf_isolation import SoundMessages
from canonical.numbers import digits_of
from canonical.spec.readings import NumberFormat

if TYPE_CHECKING:
    from google._upb._message import FieldDescriptor as FastFieldDescriptor
    from google.protobuf.descriptor import FieldDescriptor as PlainFieldDescriptor

    from canonical.schemas.registry import Descriptor

    FieldDescriptor = FastFieldDescriptor | PlainFieldDescriptor


class ProtobufMessages:
    """Decoder of one message a body."""

    def __init__(self, schema: str, descriptor: Descriptor) -> None:
        self._schema = schema
        self._descriptor = descriptor
        self._messages = SoundMessages(descriptor)
        self._read = [field.name for field in descriptor.fields if not field.is_repeated]

    def prepare(self, source: pa.Table) -> pa.Table:
        """`source` without its bodies but with the fields of the message as `m_<field>`, and whether it is `sound`."""
        messages, sound = self._messages.decode(source.column("body"))
        result = source.drop_columns(["body"])
        # Lists and maps cannot be cells; and a map with a key twice, which senders can write, is none to the engine.
        for name in self._read:
            result = result.append_column(f"m_{name}", messages.column(name))
        return result.append_column("sound", sound)

    def relation(self, source: str, keep: str) -> str:
        """The columns of the message beside the fault."""
        return f"""
            SELECT {keep}, COLUMNS('m_.*'), {sql.text(self._schema)} AS body_detail,
                CASE WHEN NOT sound THEN 'invalid_protobuf' END AS body_fault
            FROM {source}"""

    def cell(self, path: str, manner: NumberFormat | None = None) -> Cell:
        """A field without presence is there when it is not the default: zero cannot be told from nothing."""
        field, column = resolve(self._descriptor, path)
        as_text = f"({column})::VARCHAR"
        kind = kind_of(field)
        default = {"number": "0", "whole": "0", "text": "''", "flag": "false"}[kind]
        given = f"{column} IS NOT NULL" if field.has_presence else f"coalesce({column} <> {default}, false)"
        numeric = kind in {"number", "whole"}
        number = f"({column})::DOUBLE" if numeric else "NULL::DOUBLE"
        digits = as_text if numeric else "NULL::VARCHAR"
        if manner is not None and manner.quoted and kind == "text":
            digits = digits_of(column, manner)
            number = f"try_cast({digits} AS DOUBLE)"
        return Cell(
            given=given,
            number=number,
            digits=digits,
            text=column if kind == "text" else "NULL::VARCHAR",
            name=column if kind == "text" else as_text if kind == "whole" else "NULL::VARCHAR",
            shown=as_text,
            written=as_text,
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
