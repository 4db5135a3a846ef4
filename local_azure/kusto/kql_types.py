"""KQL scalar types and the DuckDB types that hold them."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb_kql.types import kusto_type, net_type

from local_azure.kusto.errors import InvalidSyntaxError

DUCKDB_TYPES = {
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "decimal": "DECIMAL(38, 18)",
    "dynamic": "JSON",
    "guid": "UUID",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "string": "VARCHAR",
    "timespan": "INTERVAL",
}
_ALIASES = {
    "boolean": "bool",
    "date": "datetime",
    "double": "real",
    "int64": "long",
    "uuid": "guid",
    "time": "timespan",
}


@dataclass(frozen=True)
class Column:
    """A column of a table or of a result; `type` is a KQL scalar type."""

    name: str
    type: str

    @property
    def net_type(self) -> str:
        """The .NET type that `cslschema` and version 1 answers mention."""
        return str(net_type(self.type))


def scalar_type(text: str) -> str:
    """The canonical name of a KQL type written in a command."""
    name = _ALIASES.get(text.strip().lower(), text.strip().lower())
    if name not in DUCKDB_TYPES:
        raise InvalidSyntaxError(f"`{text}` is not a scalar type. Types: {', '.join(DUCKDB_TYPES)}")
    return name


def kql_type(duckdb_type: object) -> str:
    """The KQL type that a DuckDB result column stands for."""
    return str(kusto_type(duckdb_type))


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
