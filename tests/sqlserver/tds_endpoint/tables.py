"""What is known of a table or view: its columns as they were declared, its keys, how a value fits a column.

Belongs here: reading the catalogue for a statement, names with their parts, declaring columns.
Does not: statements (`definitions`, `queries`), the system views clients read (`catalogue`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
from tds_endpoint.declared import Declared, of_duck, parse
from tds_endpoint.errors import SqlError, missing, refused
from tds_endpoint.tsql.lexer import NAME, WORD, Token


@dataclass(frozen=True)
class ObjectName:
    """Schema and name; a temporary table's schema is empty."""

    schema: str
    name: str

    @property
    def temporary(self) -> bool:
        """Whether it is a session's own."""
        return self.name.startswith("#")

    @property
    def engine(self) -> str:
        """As the engine writes it."""
        name = '"' + self.name.replace('"', '""') + '"'
        return f"temp.{name}" if self.temporary else '"' + self.schema.replace('"', '""') + f'".{name}'

    def __str__(self) -> str:
        return self.name if self.temporary else f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Column:
    """A column as it was declared."""

    name: str
    declared: Declared
    nullable: bool

    def fitted(self, value: str) -> str:
        """The engine's expression for a value put into this column."""
        if self.declared.characters:
            bound, name = self.declared.characters, self.name.replace("'", "''")
            return f"ts_fits({value}, {bound}, '{name}')"
        if self.declared.name in {"int", "bigint"}:
            return f"ts_{'integer' if self.declared.name == 'int' else 'bigint'}({value})"
        return value


def read_name(parts: Sequence[Token], at: int) -> tuple[ObjectName, int]:
    """The name that begins here, and where it ends."""
    if at >= len(parts) or parts[at].kind not in {NAME, WORD}:
        raise refused(parts[at].text if at < len(parts) else "end of statement")
    pieces = [parts[at].value]
    at += 1
    while at < len(parts) and parts[at].text == ".":
        if parts[at + 1].text == ".":
            at += 1
            continue
        pieces.append(parts[at + 1].value)
        at += 2
    return named(pieces), at


def named(pieces: Sequence[str]) -> ObjectName:
    """One, two or three parts."""
    return ObjectName(pieces[-2] if len(pieces) > 1 else "dbo", pieces[-1])


def columns(connection: duckdb.DuckDBPyConnection, name: ObjectName) -> list[Column]:
    """The columns of a table or view; empty when there is none of this name."""
    where = "temporary = ? AND lower(table_name) = lower(?) AND (? OR lower(schema_name) = lower(?))"
    where = where.replace("temporary", "(database_name = 'temp')")
    rows = connection.execute(
        "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE "
        f"{where} AND database_name IN ('temp', current_database()) ORDER BY column_index",
        [name.temporary, name.name, name.temporary, name.schema],
    ).fetchall()
    return [
        Column(column, (parse(comment) if comment else None) or of_duck(kind), bool(nullable))
        for column, kind, nullable, comment in rows
    ]


def declare(connection: duckdb.DuckDBPyConnection, name: ObjectName, found: Iterable[tuple[str, Declared]]) -> None:
    """Keep what the engine has no type for, as comments, which go with the table wherever it is renamed."""
    for column, declared in found:
        quoted = column.replace('"', '""')
        connection.execute(f"COMMENT ON COLUMN {name.engine}.\"{quoted}\" IS '{declared}'")


def kind(connection: duckdb.DuckDBPyConnection, name: ObjectName) -> str | None:
    """`U` a table, `V` a view, None nothing."""
    if name.temporary:
        found = connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE temporary AND lower(table_name) = lower(?)", [name.name]
        ).fetchone()
        return "U" if found else None
    row = connection.execute(
        "SELECT kind FROM sys.kept_all WHERE lower(schema_name) = lower(?) AND lower(name) = lower(?)",
        [name.schema, name.name],
    ).fetchone()
    return str(row[0]) if row else None


def existing(connection: duckdb.DuckDBPyConnection, name: ObjectName) -> list[Column]:
    """The columns of what must exist."""
    found = columns(connection, name)
    if not found:
        raise missing(str(name))
    return found


def check_keys(connection: duckdb.DuckDBPyConnection, name: ObjectName) -> None:
    """No key twice, after rows were written."""
    keys = connection.execute(
        "SELECT index_name, is_constraint, is_primary, columns, filter FROM sys.kept_indexes WHERE is_unique AND "
        "lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
        [name.schema, name.name],
    ).fetchall()
    for index, constraint, primary, keyed, condition in keys:
        listed = ", ".join('"' + column.replace('"', '""') + '"' for column in keyed)
        where = f" WHERE {condition}" if condition else ""
        double = connection.execute(
            f"SELECT {listed} FROM {name.engine}{where} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if double is None:
            continue
        value = ", ".join("<NULL>" if each is None else str(each) for each in double)
        if constraint:
            what = "PRIMARY KEY" if primary else "UNIQUE KEY"
            raise SqlError(
                2627,
                f"Violation of {what} constraint '{index}'. Cannot insert duplicate key in object '{name}'. The "
                f"duplicate key value is ({value}).",
                14,
            )
        raise SqlError(
            2601,
            f"Cannot insert duplicate key row in object '{name}' with unique index '{index}'. The duplicate key value "
            f"is ({value}).",
            14,
        )
