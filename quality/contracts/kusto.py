"""Contract to Kusto: table names, column types, DDL, ingestion mapping, and typed literals.

Belongs here: everything that turns a name or a value of ours into KQL text. Nothing else in the product pastes a value
into a query or a command: queries take parameters, commands take what `identifier` and `literal` render.
Does not: which commands are sent and when (`assets.gold`), or the KQL of an aggregate (its `.kql` file).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from quality.contracts.model import Column, Table

KUSTO: dict[str, str] = {
    "string": "string",
    "double": "real",
    "long": "long",
    "int": "int",
    "boolean": "bool",
    "timestamp": "datetime",
    "date": "datetime",
    "map": "dynamic",
    "counts": "dynamic",
    "strings": "dynamic",
    "dates": "dynamic",
}
"""Kusto has no date: it is the midnight that begins it. It has no bytes either: such a table does not belong there."""

STAGE = "_stage"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def identifier(name: str) -> str:
    """`name` as a table, column or function name; ValueError where it would need quoting or be something else."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no Kusto name: letters, digits and underscores, not starting with a digit")
    return name


def literal(value: str | date | datetime | timedelta | float) -> str:
    """`value` as a KQL literal, typed: text quoted, times as `datetime(…)` in UTC."""
    match value:
        case str():
            # JSON's escapes are KQL's, and no character can end the string.
            return json.dumps(value)
        case datetime() if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; times are UTC here")
        case datetime():
            text = f"datetime({value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z)"
        case date():
            text = f"datetime({value:%Y-%m-%d})"
        case timedelta() if value % timedelta(seconds=1):
            raise ValueError(f"{value!r} is no whole number of seconds")
        case timedelta():
            text = f"{value // timedelta(seconds=1)}s"
        case bool():
            text = "true" if value else "false"
        case int():
            text = f"long({value})"
        case _:
            text = f"real({value!r})"
    return text


def timespan(days: int) -> str:
    """Days as the service writes them in its JSON: `7.00:00:00`."""
    return f"{days}.00:00:00"


def quoted(name: str) -> str:
    """A database's name, which may hold what our own names may not, as KQL: `['telemetry-dev']`."""
    return f"[{literal(name)}]"


def kusto_name(table: Table) -> str:
    """The table's name in the KQL database: `gold/readings_1m` is `Readings1m`, `gold/adx_readings` is `Readings`."""
    words = table.name.removeprefix("adx_").split("_")
    return identifier("".join(word[:1].upper() + word[1:] for word in words))


def stage_name(table: Table) -> str:
    """Where rows of the table are gathered and counted before they are swapped in."""
    return kusto_name(table) + STAGE


def column_type(column: Column) -> str:
    """The KQL scalar type of a column; ValueError for bytes."""
    if column.type not in KUSTO:
        raise ValueError(f"column {column.name!r} is {column.type}, which Kusto has no type for")
    return KUSTO[column.type]


def schema(table: Table) -> str:
    """The columns as a Kusto schema: `['device_id']: string, ['value']: real, …`.

    Names are quoted because some of ours (`flags`) are words of the command language.
    """
    return ", ".join(f"['{identifier(column.name)}']: {column_type(column)}" for column in table.columns)


def create_table(table: Table, name: str) -> str:
    """Idempotent DDL: creates the table, or adds the columns it lacks."""
    about = f"with (docstring = {literal(table.says)}, folder = {literal(table.layer)})"
    return f".create-merge table {identifier(name)} ({schema(table)}) {about}"


def parquet_mapping(table: Table) -> list[tuple[str, str, str]]:
    """Which parquet field fills which column: name, KQL type, path, in contract order."""
    return [(column.name, column_type(column), f"$.{column.name}") for column in table.columns]


def json_mapping(table: Table, paths: Mapping[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Which JSON property fills which column; `paths` names those that are not called as their column."""
    return [(name, kind, (paths or {}).get(name, path)) for name, kind, path in parquet_mapping(table)]


def create_mapping(table: str, kind: str, name: str, columns: Sequence[tuple[str, str, str]]) -> str:
    """Idempotent command for a named ingestion mapping of a table."""
    told = [{"column": column, "datatype": of, "Properties": {"Path": path}} for column, of, path in columns]
    return f".create-or-alter table {identifier(table)} ingestion {kind} mapping {literal(name)} '{json.dumps(told)}'"
