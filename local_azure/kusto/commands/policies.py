"""Policies: kept and shown, not acted upon. Retention, caching and the like have no meaning on a laptop."""

from __future__ import annotations

import json

import duckdb

from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.commands.policy_values import merged, written
from local_azure.kusto.errors import EntityNotFoundError
from local_azure.kusto.scan import Scanner

_SHAPE = columns(PolicyName="string", EntityName="string", Policy="string", ChildEntities="string", EntityType="string")
_KINDS = ("table", "database", "column", "materialized-view", "cluster")
_EVERY = "*"


def _subject(context: Context, scanner: Scanner) -> tuple[str, str, str]:
    """Entity kind, entity (`*` for every table), policy name."""
    kind = next((kind for kind in _KINDS if scanner.accept(kind)), None)
    if kind is None:
        raise scanner.fail(", ".join(_KINDS))
    if kind == "table" and scanner.accept(_EVERY):
        entity = _EVERY
    else:
        entity = "" if kind == "cluster" or scanner.peek("policy") else scanner.name()
    while entity and scanner.accept("."):
        entity += "." + scanner.name()
    if kind == "table" and entity != _EVERY:
        context.store.catalogue.table(entity)
    if kind == "materialized-view" and entity not in context.store.catalogue.views:
        raise EntityNotFoundError("MaterializedView", entity)
    if kind == "database":
        context.store.check_database(entity)
        entity = context.database
    scanner.expect("policy")
    return kind, entity, scanner.word()


def _row(context: Context, kind: str, entity: str, policy: str, value: str) -> tuple[str, ...]:
    named = {"table": f"[{context.database}].[{entity}]", "database": f"[{entity}]"}
    return (f"{policy.title()}Policy", named.get(kind, entity), value, "", kind.title())


def alter(context: Context, scanner: Scanner, *, merge: bool = False) -> Reply:
    """`.alter <kind> <entity> policy <name> <value>`: the value replaces the one before."""
    kind, entity, policy = _subject(context, scanner)
    if entity == _EVERY:
        raise scanner.fail("one table")
    value = written(policy, scanner)
    with context.store.write() as transaction:
        before = of_kind(transaction.cursor, kind).get((entity, policy), "null")
        text = json.dumps(merged(json.loads(before), value) if merge else value)
        _delete(transaction.cursor, kind, entity, policy)
        transaction.cursor.execute("INSERT INTO kx.policies VALUES (?, ?, ?, ?)", [kind, entity, policy, text])
    return Reply(_SHAPE, [_row(context, kind, entity, policy, text)])


def alter_merge(context: Context, scanner: Scanner) -> Reply:
    """`.alter-merge <kind> <entity> policy <name> <value>`: what is not named stays as it was."""
    return alter(context, scanner, merge=True)


def delete(context: Context, scanner: Scanner) -> Reply:
    """`.delete <kind> <entity> policy <name>`."""
    kind, entity, policy = _subject(context, scanner)
    scanner.expect_end()
    with context.store.write() as transaction:
        _delete(transaction.cursor, kind, entity, policy)
    return Reply(_SHAPE, [_row(context, kind, entity, policy, "null")])


def show(context: Context, scanner: Scanner) -> Reply:
    """`.show <kind> <entity> policy <name>`, `.show table * policy <name>`."""
    kind, entity, policy = _subject(context, scanner)
    scanner.expect_end()
    names = list(context.store.catalogue.tables) if entity == _EVERY else [entity]
    with context.store.read() as cursor:
        known = of_kind(cursor, kind)
    return Reply(_SHAPE, [_row(context, kind, name, policy, known.get((name, policy), "null")) for name in names])


def of_kind(cursor: duckdb.DuckDBPyConnection, kind: str) -> dict[tuple[str, str], str]:
    """Every policy of tables, or of another kind: its document as text by entity and policy."""
    rows = cursor.execute("SELECT entity, policy, value FROM kx.policies WHERE entity_type = ?", [kind]).fetchall()
    return {(entity, policy): value for entity, policy, value in rows}


def forget(cursor: duckdb.DuckDBPyConnection, kind: str, entity: str) -> None:
    """What is gone has no policies."""
    cursor.execute("DELETE FROM kx.policies WHERE entity_type = ? AND entity = ?", [kind, entity])


def _delete(cursor: duckdb.DuckDBPyConnection, kind: str, entity: str, policy: str) -> None:
    cursor.execute(
        "DELETE FROM kx.policies WHERE entity_type = ? AND entity = ? AND policy = ?", [kind, entity, policy]
    )
