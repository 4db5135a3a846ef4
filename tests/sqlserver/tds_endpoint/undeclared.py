"""sp_describe_undeclared_parameters: which type a statement's parameter should have.

Belongs here: what a driver asks before it binds a null, and the answer from the columns a parameter meets.
Does not: types of results (`describe`).
"""

from __future__ import annotations

from typing import Any

import duckdb
from sqlglot import exp
from tds_endpoint import queries, tables
from tds_endpoint.catalogue import TYPES
from tds_endpoint.declared import Declared
from tds_endpoint.errors import SqlError
from tds_endpoint.rows import ResultColumn
from tds_endpoint.tsql.translate import parsed

NAME, INT, SMALL, TINY = Declared("nvarchar", 128), Declared("int"), Declared("smallint"), Declared("tinyint")
BIT = Declared("bit")
COLUMNS = tuple(
    ResultColumn(name, kind)
    for name, kind in (
        ("parameter_ordinal", INT), ("name", NAME), ("suggested_system_type_id", INT),
        ("suggested_system_type_name", Declared("nvarchar", 256)), ("suggested_max_length", SMALL),
        ("suggested_precision", TINY), ("suggested_scale", TINY), ("suggested_user_type_id", INT),
        ("suggested_user_type_database", NAME), ("suggested_user_type_schema", NAME), ("suggested_user_type_name", NAME),
        ("suggested_assembly_qualified_type_name", Declared("nvarchar", 4000)), ("suggested_xml_collection_id", INT),
        ("suggested_xml_collection_database", NAME), ("suggested_xml_collection_schema", NAME),
        ("suggested_xml_collection_name", NAME), ("suggested_is_xml_document", BIT), ("suggested_is_case_sensitive", BIT),
        ("suggested_is_fixed_length_clr_type", BIT), ("suggested_is_input", BIT), ("suggested_is_output", BIT),
        ("formal_parameter_name", NAME), ("suggested_tds_type_id", INT), ("suggested_tds_length", INT),
    )
)  # fmt: skip
UNKNOWN = Declared("nvarchar", 4000)


def _met(connection: duckdb.DuckDBPyConnection, tree: exp.Expr) -> dict[str, Declared]:
    """Each parameter with the type of the column it is put into or compared with."""
    found: dict[str, Declared] = {}
    known = {
        column.name.lower(): column.declared
        for table in tree.find_all(exp.Table)
        for column in tables.columns(connection, queries.object_name(table))
    }
    if isinstance(tree, exp.Insert) and isinstance(tree.expression, exp.Values):
        target = queries.object_name(tree.this.this if isinstance(tree.this, exp.Schema) else tree.this)
        listed = [column.name for column in tables.columns(connection, target)]
        if isinstance(tree.this, exp.Schema):
            listed = [each.name for each in tree.this.expressions]
        for row in tree.expression.expressions:
            for name, value in zip(listed, row.expressions if isinstance(row, exp.Tuple) else [row], strict=False):
                if isinstance(value, exp.Parameter):
                    found[value.name.lower()] = known.get(name.lower(), UNKNOWN)
    for node in tree.find_all(exp.Parameter):
        parent = node.parent
        column = parent.find(exp.Column) if isinstance(parent, (exp.Predicate, exp.Binary)) else None
        if column is not None:
            found.setdefault(node.name.lower(), known.get(column.name.lower(), UNKNOWN))
        found.setdefault(node.name.lower(), UNKNOWN)
    return found


def describe(connection: duckdb.DuckDBPyConnection, text: str) -> list[tuple[Any, ...]]:
    """The rows of the answer."""
    numbers = {name: number for name, number, _ in TYPES}
    rows = []
    for index, (name, kind) in enumerate(_met(connection, parsed(text)).items(), 1):
        wire = kind.wire
        length = -1 if wire.is_max else wire.length or {"date": 3, "datetime2": 8, "time": 5}.get(kind.name, 8)
        fixed = (numbers[kind.name], f"{kind}", length, wire.precision, wire.scale)
        if kind.name not in numbers:
            raise SqlError(50000, f"no type number of {kind}")
        rows.append(
            (index, f"@{name}", *fixed, *([None] * 9), False, False, False, True, False, None, wire.token, length)
        )  # fmt: skip
    return rows
