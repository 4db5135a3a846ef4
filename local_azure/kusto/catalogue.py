"""What the database holds besides rows: tables, functions, materialized views, mappings, policies, principals.

Belongs here: the immutable picture of the catalogue and the SQL that keeps it.
Does not: rows and extents (`extents`), parsing of commands (`commands`).
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field

import duckdb

from local_azure.kusto.errors import EntityNotFoundError
from local_azure.kusto.kql_types import DUCKDB_TYPES, Column, quoted

# The hidden column that says which extent a row is in. `$` cannot be written in a bare KQL name.
EXTENT = '"$extent"'

BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS kx;
CREATE SCHEMA IF NOT EXISTS kxdata;
CREATE SEQUENCE IF NOT EXISTS kx.extent_numbers;
CREATE TABLE IF NOT EXISTS kx.tables(name VARCHAR, columns VARCHAR, folder VARCHAR, docstring VARCHAR);
CREATE TABLE IF NOT EXISTS kx.functions(
    name VARCHAR, parameters VARCHAR, body VARCHAR, folder VARCHAR, docstring VARCHAR);
CREATE TABLE IF NOT EXISTS kx.views(
    name VARCHAR, source VARCHAR, query VARCHAR, folder VARCHAR, docstring VARCHAR, lookback VARCHAR,
    enabled BOOLEAN);
CREATE TABLE IF NOT EXISTS kx.principals(role VARCHAR, fqn VARCHAR, notes VARCHAR);
CREATE TABLE IF NOT EXISTS kx.mappings(table_name VARCHAR, name VARCHAR, kind VARCHAR, mapping VARCHAR);
CREATE TABLE IF NOT EXISTS kx.policies(entity_type VARCHAR, entity VARCHAR, policy VARCHAR, value VARCHAR);
CREATE TABLE IF NOT EXISTS kx.extents(
    number BIGINT, extent_id UUID, table_name VARCHAR, created TIMESTAMP, row_count BIGINT, size BIGINT,
    tags VARCHAR[]);
CREATE TABLE IF NOT EXISTS kx.ingested(message_id VARCHAR, ingested TIMESTAMP);
-- Written by an earlier version of this endpoint, which kept the command's own words.
DELETE FROM kx.policies WHERE NOT json_valid(value);
"""


@dataclass(frozen=True)
class Table:
    """A table's schema as its owner declared it."""

    name: str
    columns: tuple[Column, ...]
    folder: str = ""
    docstring: str = ""

    @property
    def csl_schema(self) -> str:
        """`a:string,b:long`, as `cslschema` prints it."""
        return ",".join(f"{column.name}:{column.type}" for column in self.columns)

    @property
    def stored(self) -> str:
        """The DuckDB table that holds the rows together with their extent numbers."""
        return f"kxdata.{quoted(self.name)}"

    @property
    def column_list(self) -> str:
        """The columns as SQL, in order."""
        return ", ".join(quoted(column.name) for column in self.columns)


@dataclass(frozen=True)
class Function:
    """A stored function; `parameters` with and `body` without their brackets' surroundings, as written."""

    name: str
    parameters: str
    body: str
    folder: str = ""
    docstring: str = ""

    @property
    def definition(self) -> str:
        """The text the KQL library expands at each call."""
        return f"function {quoted_name(self.name)}{self.parameters} {self.body}"


@dataclass(frozen=True)
class View:
    """A materialized view: `query` over the table `source`, without braces. Here it is always fresh."""

    name: str
    source: str
    query: str
    folder: str = ""
    docstring: str = ""
    lookback: str = ""
    enabled: bool = True

    @property
    def definition(self) -> str:
        """A function without parameters, which is asked for by its bare name, too."""
        return f"function {quoted_name(self.name)}() {{{self.query}}}"


@dataclass(frozen=True)
class Catalogue:
    """One consistent picture. `version` changes with every change, so that translations can be cached by it."""

    version: int = 0
    tables: dict[str, Table] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)

    @property
    def definitions(self) -> list[str]:
        """Every text the KQL library expands by name."""
        functions = [function.definition for function in self.functions.values()]
        return functions + [view.definition for view in self.views.values()]

    def table(self, name: str) -> Table:
        """The table of that exact name; KQL names are case-sensitive."""
        if name not in self.tables:
            raise EntityNotFoundError("Table", name)
        return self.tables[name]

    @property
    def schema(self) -> dict[str, list[str]]:
        """Table name to column names, as the KQL library takes it."""
        return {table.name: [column.name for column in table.columns] for table in self.tables.values()}


def quoted_name(name: str) -> str:
    """`name` as KQL writes it."""
    return name if name.isidentifier() else f"['{name}']"


# Never reused, not even after a rollback: translations are cached by it.
_versions = itertools.count(1)


def load(cursor: duckdb.DuckDBPyConnection) -> Catalogue:
    """The catalogue as the cursor's transaction sees it."""
    tables = cursor.execute("SELECT name, columns, folder, docstring FROM kx.tables ORDER BY name").fetchall()
    functions = cursor.execute(
        "SELECT name, parameters, body, folder, docstring FROM kx.functions ORDER BY name"
    ).fetchall()
    views = cursor.execute(
        "SELECT name, source, query, folder, docstring, lookback, enabled FROM kx.views ORDER BY name"
    ).fetchall()
    return Catalogue(
        version=next(_versions),
        tables={
            name: Table(name, tuple(Column(*pair) for pair in json.loads(columns)), folder, docstring)
            for name, columns, folder, docstring in tables
        },
        functions={row[0]: Function(*row) for row in functions},
        views={row[0]: View(*row) for row in views},
    )


def put_table(cursor: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Write the declaration of `table` and the view that hides the extent column."""
    cursor.execute("DELETE FROM kx.tables WHERE name = ?", [table.name])
    columns = json.dumps([[column.name, column.type] for column in table.columns])
    cursor.execute("INSERT INTO kx.tables VALUES (?, ?, ?, ?)", [table.name, columns, table.folder, table.docstring])
    cursor.execute(f"CREATE OR REPLACE VIEW {quoted(table.name)} AS SELECT {table.column_list} FROM {table.stored}")


def create_table(cursor: duckdb.DuckDBPyConnection, table: Table) -> None:
    """A new empty table."""
    columns = ", ".join(f"{quoted(column.name)} {DUCKDB_TYPES[column.type]}" for column in table.columns)
    cursor.execute(f"CREATE TABLE {table.stored}({EXTENT} BIGINT, {columns})")
    put_table(cursor, table)


def add_columns(cursor: duckdb.DuckDBPyConnection, table: Table, added: tuple[Column, ...]) -> Table:
    """`table` with `added` at its end; rows that are there get null, or "" in a string column."""
    for column in added:
        default = " DEFAULT ''" if column.type == "string" else ""
        cursor.execute(
            f"ALTER TABLE {table.stored} ADD COLUMN {quoted(column.name)} {DUCKDB_TYPES[column.type]}{default}"
        )
    wider = Table(table.name, table.columns + added, table.folder, table.docstring)
    put_table(cursor, wider)
    return wider


def rebuild_table(cursor: duckdb.DuckDBPyConnection, there: Table, wanted: Table) -> None:
    """`there` with the columns of `wanted`, in its order: new ones are empty, and those it does not name are gone."""
    kept = {column.name for column in there.columns}
    for column in wanted.columns:
        if column.name not in kept:
            add_columns(cursor, there, (column,))
    cursor.execute(f"DROP VIEW {quoted(there.name)}")
    cursor.execute(
        f"CREATE TABLE kxdata.rebuilt AS SELECT {EXTENT}, {wanted.column_list} FROM {there.stored}; "
        f"DROP TABLE {there.stored}; ALTER TABLE kxdata.rebuilt RENAME TO {quoted(there.name)}"
    )
    put_table(cursor, wanted)


def drop_table(cursor: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Remove rows, extents, mappings and declaration of `table`."""
    cursor.execute(f"DROP VIEW {quoted(table.name)}")
    cursor.execute(f"DROP TABLE {table.stored}")
    cursor.execute("DELETE FROM kx.tables WHERE name = ?", [table.name])
    cursor.execute("DELETE FROM kx.extents WHERE table_name = ?", [table.name])
    cursor.execute("DELETE FROM kx.mappings WHERE table_name = ?", [table.name])
    cursor.execute("DELETE FROM kx.policies WHERE entity_type = 'table' AND entity = ?", [table.name])
