"""An uploaded file as a SELECT whose columns are the table's, in order and of its types.

Belongs here: formats, mappings, conversion of values.
Does not: where the file came from (`storage`) and what happens to the rows (`extents`).
A value that does not fit its column fails the file. The service would store null; here nothing is lost unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from local_azure.kusto.catalogue import Table
from local_azure.kusto.errors import BadDataError, NotServedError
from local_azure.kusto.kql_types import DUCKDB_TYPES, Column, literal, quoted

_DELIMITERS = {"csv": ",", "tsv": "\t", "scsv": ";", "psv": "|"}
_JSON_FORMATS = {"json": "newline_delimited", "multijson": "auto", "singlejson": "unstructured"}
TEXT_FORMATS = frozenset(_DELIMITERS) | frozenset(_JSON_FORMATS)
_WHOLE_NUMBER = r"\s*[+-]?[0-9]+\s*"
# Types that may stand for each other without a change of meaning.
_FAMILIES = (
    dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "DATE"), "moment")
    | dict.fromkeys(("INTERVAL", "TIME"), "duration")
    | dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UHUGEINT"), "number")
    | dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL"), "number")
    | {"BOOLEAN": "truth", "UUID": "identity"}
)
_NESTED = re.compile(r"\[\]$|^(STRUCT|MAP|UNION)")


@dataclass(frozen=True)
class Field:
    """Where one column's value comes from: a path or ordinal in the record, or a constant."""

    column: str
    path: str | None = None
    ordinal: int | None = None
    constant: str | None = None


def mapping_kind(format_name: str) -> str:
    """Which kind of mapping a format takes."""
    if format_name in _DELIMITERS:
        return "csv"
    return "json" if format_name in _JSON_FORMATS else format_name


def read_mapping(entries: list[dict[str, Any]]) -> list[Field]:
    """Mapping entries in any of the spellings the SDKs and the documentation use."""
    fields = []
    for entry in entries:
        flat = {key.lower(): value for key, value in entry.items()}
        flat |= {key.lower(): value for key, value in (flat.pop("properties", None) or {}).items()}
        if flat.get("transform"):
            raise NotServedError(f"the mapping transformation {flat['transform']}")
        ordinal = flat.get("ordinal")
        name = flat.get("column") or flat.get("columnname") or flat.get("name")
        if not name:
            raise BadDataError("a mapping entry names no column")
        fields.append(
            Field(
                column=name,
                path=flat.get("path") or flat.get("field"),
                ordinal=None if ordinal is None or ordinal == "" else int(ordinal),
                constant=flat.get("constvalue"),
            )
        )
    return fields


def select_sql(
    cursor: duckdb.DuckDBPyConnection,
    file: Path,
    format_name: str,
    table: Table,
    mapping: list[Field] | None,
    *,
    ignore_first_record: bool = False,
) -> str:
    """SQL that reads `file` as rows of `table`."""
    if mapping is not None:
        unknown = {field.column for field in mapping} - {column.name for column in table.columns}
        if unknown:
            raise BadDataError(
                f"the mapping names columns table '{table.name}' does not have: {', '.join(sorted(unknown))}"
            )
    if format_name == "parquet":
        return _parquet(cursor, file, table, mapping)
    if format_name in _DELIMITERS:
        return _delimited(file, _DELIMITERS[format_name], table, mapping, skip=ignore_first_record)
    if format_name in _JSON_FORMATS:
        return _json(file, _JSON_FORMATS[format_name], table, mapping)
    raise NotServedError(f"the ingestion format {format_name}")


def _select(table: Table, values: dict[str, str], source: str) -> str:
    empty = {"string": "''"}
    parts = [values.get(column.name, empty.get(column.type, "NULL")) for column in table.columns]
    typed = [f"CAST({part} AS {DUCKDB_TYPES[c.type]})" for part, c in zip(parts, table.columns, strict=True)]
    return f"SELECT {', '.join(typed)} FROM {source}"


def _parquet(cursor: duckdb.DuckDBPyConnection, file: Path, table: Table, mapping: list[Field] | None) -> str:
    source = f"read_parquet({literal(str(file))})"
    try:
        described = cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error as error:
        raise BadDataError(f"the file is not readable Parquet: {error}") from error
    types = {row[0]: str(row[1]) for row in described}
    fields = mapping or [Field(column.name, path=column.name) for column in table.columns]
    by_column = {field.column: field for field in fields}
    values: dict[str, str] = {}
    for column in table.columns:
        field = by_column.get(column.name)
        if field is None:
            continue
        if field.constant is not None:
            values[column.name] = _from_text(literal(field.constant), column.type)
            continue
        name = re.sub(r"^\$\.|^\$\['?|'?\]$", "", field.path or column.name)
        if name in types:
            values[column.name] = _from_typed(quoted(name), types[name], column)
    if not values:
        raise BadDataError(f"the file has no column of table '{table.name}'; it has {', '.join(types)}")
    return _select(table, values, source)


def _from_typed(value: str, given: str, column: Column) -> str:
    """SQL that turns a typed value into the column's type, or fails."""
    if given == "BLOB":
        value, given = f"decode({value})", "VARCHAR"
    nested = bool(_NESTED.search(given))
    if column.type == "dynamic":
        return _dynamic(value) if given == "VARCHAR" else f"to_json({value})"
    if column.type == "string":
        return f"CAST(to_json({value}) AS VARCHAR)" if nested else f"CAST({value} AS VARCHAR)"
    if given == "VARCHAR":
        return _from_text(value, column.type)
    if given in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS"):
        # A cast would round; what is finer than a microsecond is cut off, also before 1970.
        value = f"make_timestamp((epoch_ns({value}) - (epoch_ns({value}) % 1000 + 1000) % 1000) // 1000)"
        given = "TIMESTAMP"
    if given == "TIMESTAMP WITH TIME ZONE":
        value, given = f"({value} AT TIME ZONE 'UTC')", "TIMESTAMP"
    family = "nested" if nested else _FAMILIES.get(given.split("(")[0], "other")
    if family != _FAMILIES[DUCKDB_TYPES[column.type].split("(")[0]]:
        raise BadDataError(f"column '{column.name}' is {column.type}, the file has {given}")
    if column.type in ("int", "long") and given in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN {value} = trunc({value}) THEN {value} ELSE error('not a whole number: ' || {value}) END"
    return value


def _from_text(value: str, kind: str) -> str:
    """SQL that reads the text of a value; blank means null."""
    if kind == "string":
        return value
    blank = f"nullif(trim({value}), '')"
    if kind in ("int", "long"):
        # A plain cast would round "1.5".
        return (
            f"CASE WHEN {blank} IS NULL THEN NULL WHEN regexp_full_match({value}, '{_WHOLE_NUMBER}') "
            f"THEN CAST({blank} AS BIGINT) ELSE error('not a whole number: ' || {value}) END"
        )
    if kind == "datetime":
        return f"(CAST({blank} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
    if kind == "dynamic":
        return _dynamic(value)
    return f"CAST({blank} AS {DUCKDB_TYPES[kind]})"


def _dynamic(value: str) -> str:
    return f"CASE WHEN json_valid({value}) THEN CAST({value} AS JSON) ELSE to_json(nullif({value}, '')) END"


def _delimited(file: Path, delimiter: str, table: Table, mapping: list[Field] | None, *, skip: bool) -> str:
    fields = mapping or [Field(column.name, ordinal=position) for position, column in enumerate(table.columns)]
    width = max((field.ordinal for field in fields if field.ordinal is not None), default=0) + 1
    names = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(width))
    source = (
        f"read_csv({literal(str(file))}, delim={literal(delimiter)}, quote='\"', escape='\"', header=false, "
        f"skip={int(skip)}, columns={{{names}}}, auto_detect=false, null_padding=true, strict_mode=true, "
        # Otherwise an empty string and a missing one would both be null.
        "max_line_size=16777216, parallel=false)"
    )
    types = {column.name: column.type for column in table.columns}
    values = {}
    for field in fields:
        text = literal(field.constant) if field.constant is not None else f"c{field.ordinal or 0}"
        values[field.column] = _from_text(text, types[field.column])
    return _select(table, values, source)


def _json(file: Path, shape: str, table: Table, mapping: list[Field] | None) -> str:
    source = f"read_json_objects({literal(str(file))}, format='{shape}', maximum_object_size=67108864)"
    fields = mapping or [Field(column.name, path=f'$."{column.name}"') for column in table.columns]
    types = {column.name: column.type for column in table.columns}
    values = {}
    for field in fields:
        kind = types[field.column]
        if field.constant is not None:
            values[field.column] = _from_text(literal(field.constant), kind)
        elif kind == "dynamic":
            values[field.column] = f"json_extract(json, {literal(_path(field))})"
        else:
            values[field.column] = _from_text(f"json_extract_string(json, {literal(_path(field))})", kind)
    return _select(table, values, source)


def _path(field: Field) -> str:
    path = field.path or f'$."{field.column}"'
    return re.sub(r"\['([^']*)'\]", r'."\1"', path)
