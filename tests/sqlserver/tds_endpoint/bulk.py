"""Bulk copy: INSERT BULK announces it, BulkLoadBCP brings the rows.

Belongs here: MS-TDS 2.2.6.1 "Bulk Load BCP": the statement, COLMETADATA of the client, its ROW and NBCROW tokens.
Does not: the metadata a driver asks for beforehand (`queries` under FMTONLY, `procedures_catalogue`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from tds_endpoint import datatypes, tables
from tds_endpoint.errors import SqlError, refused
from tds_endpoint.session import Scope, Session
from tds_endpoint.tables import ObjectName
from tds_endpoint.tsql.lexer import Token, arguments, closing
from tds_endpoint.wire import Reader

ARROW: dict[str, pa.DataType] = {
    "UTINYINT": pa.uint8(), "SMALLINT": pa.int16(), "INTEGER": pa.int32(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_(),
    "DOUBLE": pa.float64(), "FLOAT": pa.float32(), "DATE": pa.date32(), "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"), "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"), "BLOB": pa.binary(),
    "VARCHAR": pa.string(), "UUID": pa.string(),
}  # fmt: skip


def announced(parts: Sequence[Token]) -> tuple[ObjectName, list[str]]:
    """`INSERT BULK table (column type, …) WITH (…)`."""
    name, at = tables.read_name(parts, 2)
    if at >= len(parts) or parts[at].text != "(":
        raise refused("BULK")
    return name, [each[0].value for each in arguments(parts[at + 1 : closing(parts, at)])]


def _column(reader: Reader) -> tuple[str, datatypes.DataType]:
    reader.take(6)
    kind = datatypes.read_type(reader)
    return reader.b_varchar(), kind


def read(body: bytes) -> tuple[list[str], list[list[Any]]]:
    """Names and values of a bulk load, column by column."""
    reader = Reader(body)
    if not reader or reader.number("B") != 0x81:
        raise SqlError(4804, "The bulk load brings no column metadata.")
    described = [_column(reader) for _ in range(reader.number("H"))]
    kinds = [kind for _, kind in described]
    values: list[list[Any]] = [[] for _ in kinds]
    size = (len(kinds) + 7) // 8
    while reader:
        token = reader.number("B")
        if token == 0xD1:
            for into, kind in zip(values, kinds, strict=True):
                into.append(datatypes.read_value(reader, kind))
        elif token == 0xD2:
            nulls = int.from_bytes(reader.take(size), "little")
            for index, kind in enumerate(kinds):
                values[index].append(None if nulls >> index & 1 else datatypes.read_value(reader, kind))
        elif token in {0xFD, 0xFE, 0xFF}:
            break
        else:
            raise SqlError(4804, f"The bulk load has token {token:#04x} where a row should be.")
    return [name for name, _ in described], values


def _array(values: list[Any], duck: str) -> pa.Array:
    if duck.startswith("DECIMAL"):
        precision, scale = duck[8:-1].split(",")
        return pa.array(values, pa.decimal128(int(precision), int(scale)))
    if duck == "UUID":
        values = [None if value is None else str(value) for value in values]
    if duck == "VARCHAR":
        values = [value if value is None or isinstance(value, str) else str(value) for value in values]
    return pa.array(values, ARROW[duck])


def load(session: Session, target: ObjectName, listed: list[str], body: bytes, scope: Scope) -> None:
    """The rows into the table, all or none."""
    found = {column.name.lower(): column for column in tables.existing(session.connection, target)}
    names, values = read(body)
    wanted = [found[name.lower()] for name in (listed or names)]
    data = pa.table([_array(each, column.declared.duck) for each, column in zip(values, wanted, strict=True)],
                    [f"c{index}" for index in range(len(wanted))])  # fmt: skip
    fitted = ", ".join(column.fitted(f"c{index}") for index, column in enumerate(wanted))
    into = ", ".join('"' + column.name.replace('"', '""') + '"' for column in wanted)
    session.connection.register("bulk_rows", data)
    try:
        with session.transactions.whole():
            session.connection.execute(f"INSERT INTO {target.engine} ({into}) SELECT {fitted} FROM bulk_rows")
            tables.check_keys(session.connection, target)
    finally:
        session.connection.unregister("bulk_rows")
    session.rowcount = data.num_rows
    session.done(scope, data.num_rows)
