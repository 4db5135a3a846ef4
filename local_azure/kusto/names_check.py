"""Names a query uses, checked the way Kusto does: they exist, and their case is right.

DuckDB folds case and finds system views and files by name; neither may happen behind a KQL query.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from duckdb_kql import ir
from duckdb_kql.errors import KqlSchemaError
from duckdb_kql.schema import output_columns

from local_azure.kusto.errors import SemanticError

Schema = dict[str, list[str]]


def _walk(node: Any) -> Iterator[Any]:
    """`node` and what is in it, down to nested queries but not into them."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, (list, tuple)):
            stack.extend(current)
        elif dataclasses.is_dataclass(current) and not isinstance(current, type):
            yield current
            if not isinstance(current, ir.Query):
                stack.extend(getattr(current, field.name) for field in dataclasses.fields(current))


def _columns(query: ir.Query, schema: Schema) -> list[str] | None:
    try:
        return list(output_columns(query, schema))
    except KqlSchemaError:
        return None


def check_names(query: ir.Query, schema: Schema) -> None:
    """Refuse unknown tables, and columns that match only when case is ignored."""
    known = dict(schema)
    for name, bound in query.lets:
        if isinstance(bound, ir.Query):
            check_names(bound, known)
            known[name] = _columns(bound, known) or []
    for node in _walk(query.source):
        _check_table(node, known)
        if isinstance(node, ir.Query):
            check_names(node, known)
    for position, operator in enumerate(query.operators):
        columns = _columns(ir.Query(query.source, query.operators[:position]), known)
        folded = {column.casefold(): column for column in columns or ()}
        for node in _walk(operator):
            if isinstance(node, ir.Query):
                check_names(node, known)
            elif isinstance(node, ir.ColumnRef) and columns is not None and node.name not in columns:
                _check_case(node.name, folded)
            else:
                _check_table(node, known)


def _check_table(node: Any, known: Schema) -> None:
    if not isinstance(node, ir.TableRef) or node.name in known:
        return
    near = {name.casefold(): name for name in known}.get(node.name.casefold())
    hint = f" Names are case-sensitive: there is `{near}`." if near else ""
    raise SemanticError(f"SEM0100: Failed to resolve table or function named '{node.name}'.{hint}")


def _check_case(name: str, folded: dict[str, str]) -> None:
    if near := folded.get(name.casefold()):
        raise SemanticError(
            f"SEM0100: Failed to resolve scalar expression named '{name}'. Names are case-sensitive: there is `{near}`."
        )
