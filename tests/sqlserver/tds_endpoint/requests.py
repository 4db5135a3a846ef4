"""Requests other than a login: what a message asks for.

Belongs here: MS-TDS 2.2.5.3 "Packet Data Stream Headers", 2.2.6.6 "RPC Request", 2.2.6.7 "SQLBatch", 2.2.6.9
"Transaction Manager Request".
Does not: how it is answered (`session`, `procedures`), or bulk rows (`bulk`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tds_endpoint import datatypes
from tds_endpoint.declared import Declared, of_wire
from tds_endpoint.wire import Reader

PROCEDURES = {
    1: "sp_cursor", 2: "sp_cursoropen", 3: "sp_cursorprepare", 4: "sp_cursorexecute", 5: "sp_cursorprepexec",
    6: "sp_cursorunprepare", 7: "sp_cursorfetch", 8: "sp_cursoroption", 9: "sp_cursorclose", 10: "sp_executesql",
    11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 14: "sp_prepexecrpc", 15: "sp_unprepare",
}  # fmt: skip
BY_REFERENCE = 0x01
BATCH_SEPARATORS = {0x80, 0xFF, 0xFE}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a call."""

    name: str
    declared: Declared
    value: Any
    output: bool = False


@dataclass(frozen=True)
class Call:
    """A procedure with its parameters."""

    procedure: str
    parameters: tuple[Parameter, ...]


def after_headers(body: bytes) -> Reader:
    """Past ALL_HEADERS."""
    return Reader(body, struct.unpack_from("<I", body)[0])


def batch(body: bytes) -> str:
    """The text of an SQLBatch."""
    return after_headers(body).data[struct.unpack_from("<I", body)[0] :].decode("utf-16-le")


def _parameter(reader: Reader) -> Parameter:
    name = reader.b_varchar()
    flags = reader.number("B")
    kind = datatypes.read_type(reader)
    value = datatypes.read_value(reader, kind)
    return Parameter(name, of_wire(kind), value, bool(flags & BY_REFERENCE))


def calls(body: bytes) -> Iterator[Call]:
    """The calls of an RPC request; several when a driver sends an array of parameters."""
    reader = after_headers(body)
    while reader:
        length = reader.number("H")
        name = PROCEDURES.get(reader.number("H"), "") if length == 0xFFFF else reader.text(length)
        reader.number("H")
        parameters: list[Parameter] = []
        while reader and reader.peek() not in BATCH_SEPARATORS:
            parameters.append(_parameter(reader))
        if reader:
            reader.take(1)
        yield Call(name.split(".")[-1].strip("[]").lower(), tuple(parameters))


def transaction(body: bytes) -> int:
    """The kind of a transaction manager request: 5 begins, 7 commits, 8 rolls back."""
    return after_headers(body).number("H")
