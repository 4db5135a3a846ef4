"""Results: COLMETADATA and the rows under it.

Belongs here: MS-TDS 2.2.7 "COLMETADATA", "ROW", "NBCROW", "RETURNVALUE".
Does not: how a single value is written (`datatypes`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tds_endpoint.datatypes import DataType, write_value
from tds_endpoint.declared import Declared
from tds_endpoint.wire import b_varchar

NULLABLE, UPDATABLE, IDENTITY, COMPUTED = 0x01, 0x08, 0x10, 0x20


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result."""

    name: str
    declared: Declared
    nullable: bool = True


def metadata(columns: Sequence[ResultColumn]) -> bytes:
    """COLMETADATA."""
    parts = [struct.pack("<BH", 0x81, len(columns))]
    for column in columns:
        flags = UPDATABLE | (NULLABLE if column.nullable else 0)
        parts.append(struct.pack("<IH", 0, flags) + column.declared.wire.info + b_varchar(column.name[:128]))
    return b"".join(parts)


def encoded(columns: Sequence[ResultColumn], values: Iterable[Sequence[Any]]) -> bytes:
    """Rows; those with nulls as NBCROW, which the drivers must understand as well."""
    kinds: list[DataType] = [column.declared.wire for column in columns]
    size = (len(kinds) + 7) // 8
    parts: list[bytes] = []
    for row in values:
        if None in row:
            nulls = sum(1 << index for index, value in enumerate(row) if value is None)
            parts.append(b"\xd2" + nulls.to_bytes(size, "little"))
            parts += [write_value(kind, value) for kind, value in zip(kinds, row, strict=True) if value is not None]
        else:
            parts.append(b"\xd1")
            parts += [write_value(kind, value) for kind, value in zip(kinds, row, strict=True)]
    return b"".join(parts)


def return_value(name: str, declared: Declared, value: Any, ordinal: int = 0) -> bytes:
    """RETURNVALUE of an output parameter."""
    head = struct.pack("<BH", 0xAC, ordinal) + b_varchar(name) + struct.pack("<BIH", 1, 0, 0)
    return head + declared.wire.info + write_value(declared.wire, value)
