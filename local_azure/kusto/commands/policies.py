"""Policies: kept and shown, not acted upon. Retention, caching and the like have no meaning on a laptop."""

from __future__ import annotations

import duckdb

from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.scan import Scanner

_SHAPE = columns(PolicyName="string", EntityName="string", Policy="string", ChildEntities="string", EntityType="string")
_KINDS = ("table", "database", "column", "materialized-view", "cluster")


def _subject(context: Context, scanner: Scanner) -> tuple[str, str, str]:
    """Entity kind, entity, policy name."""
    kind = next((kind for kind in _KINDS if scanner.accept(kind)), None)
    if kind is None:
        raise scanner.fail(", ".join(_KINDS))
    entity = "" if kind == "cluster" or scanner.peek("policy") else scanner.name()
    while entity and scanner.accept("."):
        entity += "." + scanner.name()
    if kind == "table":
        context.store.catalogue.table(entity)
    if kind == "database":
        context.store.check_database(entity)
        entity = context.database
    scanner.expect("policy")
    return kind, entity, scanner.word()


def _reply(kind: str, entity: str, policy: str, value: str) -> Reply:
    return Reply(_SHAPE, [(f"{policy.title()}Policy", entity, value, "", kind.title())])


def alter(context: Context, scanner: Scanner) -> Reply:
    """`.alter[-merge] <kind> <entity> policy <name> <value>`: the value replaces the one before."""
    kind, entity, policy = _subject(context, scanner)
    value = scanner.string() if scanner.text[scanner.position :][:1] in "'\"@`" else scanner.rest().strip()
    if not value:
        raise scanner.fail("a policy")
    with context.store.write() as transaction:
        _delete(transaction.cursor, kind, entity, policy)
        transaction.cursor.execute("INSERT INTO kx.policies VALUES (?, ?, ?, ?)", [kind, entity, policy, value])
    return _reply(kind, entity, policy, value)


def delete(context: Context, scanner: Scanner) -> Reply:
    """`.delete <kind> <entity> policy <name>`."""
    kind, entity, policy = _subject(context, scanner)
    scanner.expect_end()
    with context.store.write() as transaction:
        _delete(transaction.cursor, kind, entity, policy)
    return _reply(kind, entity, policy, "null")


def show(context: Context, scanner: Scanner) -> Reply:
    """`.show <kind> <entity> policy <name>`."""
    kind, entity, policy = _subject(context, scanner)
    scanner.expect_end()
    with context.store.read() as cursor:
        rows = cursor.execute(
            "SELECT value FROM kx.policies WHERE entity_type = ? AND entity = ? AND policy = ?", [kind, entity, policy]
        ).fetchall()
    return _reply(kind, entity, policy, rows[0][0] if rows else "null")


def _delete(cursor: duckdb.DuckDBPyConnection, kind: str, entity: str, policy: str) -> None:
    cursor.execute(
        "DELETE FROM kx.policies WHERE entity_type = ? AND entity = ? AND policy = ?", [kind, entity, policy]
    )
