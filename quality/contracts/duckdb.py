"""Contract to DuckDB DDL.

Belongs here: names of types and `create table`. Timestamps are naive and mean UTC: the warm tier has no zones.
Does not: opening a database or filling it (`assets.warm`).
"""

from __future__ import annotations

from quality.contracts.model import Column, Table

DUCKDB: dict[str, str] = {
    "string": "varchar",
    "double": "double",
    "long": "bigint",
    "int": "integer",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
}


def duckdb_type(column: Column) -> str:
    """The column's type in the warm database; ValueError for a type that has no place in a star schema."""
    try:
        return DUCKDB[column.type]
    except KeyError:
        raise ValueError(f"column {column.name!r} is a {column.type}: the warm tier holds scalars only") from None


def add_column(table: Table, schema: str, column: Column) -> str:
    """DDL that adds a column, null in the rows that are there."""
    return f'alter table {schema}."{table.name}" add column "{column.name}" {duckdb_type(column)}'


def create_table(table: Table, schema: str) -> str:
    """DDL that makes the table unless it is there, columns in contract order."""
    columns = ",\n".join(
        f'    "{column.name}" {duckdb_type(column)}{"" if column.null else " not null"}' for column in table.columns
    )
    return f'create table if not exists {schema}."{table.name}" (\n{columns}\n)'
