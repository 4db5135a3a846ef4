"""Ingestion mappings: which part of a record goes into which column."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.errors import EntityExistsError, EntityNotFoundError, InvalidSyntaxError
from local_azure.kusto.scan import Scanner

_SHAPE = columns(Name="string", Kind="string", Mapping="string", Database="string", Table="string")
KINDS = ("csv", "json", "parquet")


def _declared(scanner: Scanner) -> tuple[str, str, str, str]:
    table = scanner.name()
    scanner.expect("ingestion")
    kind = scanner.word()
    if kind not in KINDS:
        raise scanner.fail(f"a mapping kind the local endpoint knows ({', '.join(KINDS)}), not {kind}")
    scanner.expect("mapping")
    name, text = scanner.literal(), scanner.string()
    scanner.expect_end()
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise InvalidSyntaxError(f"mapping '{name}' is not JSON: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidSyntaxError(f"mapping '{name}' must be a JSON array of objects")
    return table, kind, name, text


def _put(context: Context, scanner: Scanner, *, replace: bool) -> Reply:
    table, kind, name, text = _declared(scanner)
    with context.store.write() as transaction:
        transaction.catalogue.table(table)
        if not replace and find(transaction.cursor, table, kind, name) is not None:
            raise EntityExistsError(f"Mapping '{name}' of table '{table}' already exists.")
        transaction.cursor.execute(
            "DELETE FROM kx.mappings WHERE table_name = ? AND kind = ? AND name = ?", [table, kind, name]
        )
        transaction.cursor.execute("INSERT INTO kx.mappings VALUES (?, ?, ?, ?)", [table, name, kind, text])
    return Reply(_SHAPE, [(name, kind, text, context.database, table)])


def create(context: Context, scanner: Scanner) -> Reply:
    """`.create table T ingestion csv mapping "M" '[...]'`."""
    return _put(context, scanner, replace=False)


def create_or_alter(context: Context, scanner: Scanner) -> Reply:
    """`.create-or-alter table T ingestion csv mapping "M" '[...]'`."""
    return _put(context, scanner, replace=True)


def show(context: Context, scanner: Scanner, table: str | None) -> Reply:
    """`.show table T ingestion [csv] mappings`, `.show database D ingestion csv mappings`: from `ingestion` on."""
    if table is not None:
        context.store.catalogue.table(table)
    scanner.expect("ingestion")
    kind = None if scanner.peek("mappings") else scanner.word()
    scanner.expect("mappings")
    scanner.expect_end()
    with context.store.read() as cursor:
        rows = cursor.execute(
            "SELECT name, kind, mapping, table_name FROM kx.mappings "
            "WHERE table_name = coalesce(?, table_name) AND kind = coalesce(?, kind) ORDER BY table_name, name",
            [table, kind],
        ).fetchall()
    return Reply(_SHAPE, [(name, kept, mapping, context.database, of) for name, kept, mapping, of in rows])


def find(cursor: duckdb.DuckDBPyConnection, table: str, kind: str, name: str) -> list[dict[str, Any]] | None:
    """The entries of a stored mapping, or None."""
    rows = cursor.execute(
        "SELECT mapping FROM kx.mappings WHERE table_name = ? AND kind = ? AND name = ?", [table, kind, name]
    ).fetchall()
    return list(json.loads(rows[0][0])) if rows else None


def get(cursor: duckdb.DuckDBPyConnection, table: str, kind: str, name: str) -> list[dict[str, Any]]:
    """The entries of a stored mapping that must be there."""
    entries = find(cursor, table, kind, name)
    if entries is None:
        raise EntityNotFoundError(f"{kind} mapping of table {table}", name)
    return entries
