"""Contract to T-SQL DDL of the staging tables.

Belongs here: names of types, bounds of texts, `create table`, `alter table … add`. Timestamps are naive and mean UTC:
the warm tier has no zones. Texts are bounded: an unbounded one can be no key of an index and is stored apart.
Does not: opening a server or filling it (`assets.warm`), or the marts, whose types are dbt's (`dbt_warm`).
"""

from __future__ import annotations

from quality.contracts.model import Column, Table

SQLSERVER: dict[str, str] = {
    "double": "float",
    "long": "bigint",
    "int": "int",
    "boolean": "bit",
    "timestamp": "datetime2(6)",
    "date": "date",
}

KEY_TEXT = 400
"""Most UTF-16 code units of a text in a key: short enough for an index, whose clustered key ends at 900 bytes."""
LONG_TEXT = 4000
"""Most of any other text: what SQL Server still keeps within the row."""


def text_bound(table: Table, column: Column) -> int:
    """How many UTF-16 code units the text column holds."""
    return KEY_TEXT if column.name in table.key else LONG_TEXT


def sqlserver_type(table: Table, column: Column) -> str:
    """The column's type in the warm database; ValueError for a type that has no place in a star schema."""
    if column.type == "string":
        return f"nvarchar({text_bound(table, column)})"
    try:
        return SQLSERVER[column.type]
    except KeyError:
        raise ValueError(f"column {column.name!r} is a {column.type}: the warm tier holds scalars only") from None


def column_definition(table: Table, column: Column) -> str:
    """The column as `create table` and `alter table … add` take it."""
    return f"[{column.name}] {sqlserver_type(table, column)} {'null' if column.null else 'not null'}"


def create_table(table: Table, name: str) -> str:
    """DDL that makes the table `name`, columns in contract order. It fails where the table is there."""
    columns = ",\n".join(f"    {column_definition(table, column)}" for column in table.columns)
    return f"create table {name} (\n{columns}\n)"


def add_columns(table: Table, name: str, columns: tuple[Column, ...]) -> str:
    """DDL that adds nullable columns to a table of an older contract."""
    return f"alter table {name} add " + ", ".join(column_definition(table, column) for column in columns)


def clustered_index(table: Table, name: str, columns: tuple[str, ...]) -> str:
    """DDL that keeps the rows of the table in the order of `columns`."""
    return f"create clustered index [cx_{table.name}] on {name} ({', '.join(f'[{column}]' for column in columns)})"
