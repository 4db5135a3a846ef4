"""From the first words of a command to its handler, and through the operators piped behind it."""

from __future__ import annotations

from local_azure.kusto.cells import encode_rows
from local_azure.kusto.commands import (
    extents,
    functions,
    ingest_from_query,
    mappings,
    policies,
    principals,
    script,
    service,
    show,
    tables,
    views,
)
from local_azure.kusto.commands.context import Context, Handler, Reply
from local_azure.kusto.errors import NotServedError
from local_azure.kusto.frames import Answer
from local_azure.kusto.scan import Scanner, split_top

# The longest beginning that fits wins; `.show table` and policies are told apart further down.
HANDLERS: dict[str, Handler] = {
    ".create table": tables.create,
    ".create-merge table": tables.create_merge,
    ".alter-merge table": tables.alter_merge,
    ".drop table": tables.drop,
    ".drop tables": tables.drop,
    ".clear table": tables.clear,
    ".create function": functions.create,
    ".create-or-alter function": functions.create_or_alter,
    ".drop function": functions.drop,
    ".show functions": functions.show,
    ".show function": functions.show_one,
    ".set": ingest_from_query.set_new,
    ".append": ingest_from_query.append,
    ".set-or-append": ingest_from_query.set_or_append,
    ".set-or-replace": ingest_from_query.set_or_replace,
    ".create-or-alter table": mappings.create_or_alter,
    ".show tables": show.tables,
    ".show databases": show.databases,
    ".show version": show.version,
    ".show schema": show.schema,
    ".alter table": tables.alter,
    ".create materialized-view": views.create,
    ".create-or-alter materialized-view": views.create_or_alter,
    ".alter materialized-view": views.alter,
    ".drop materialized-view": views.drop,
    ".show materialized-views": views.show,
    ".show materialized-view": views.show_one,
    ".enable materialized-view": views.enable,
    ".disable materialized-view": views.disable,
    ".add database": principals.add,
    ".drop database": principals.drop,
    ".drop extents": extents.drop,
    ".move extents": extents.move,
    ".replace extents": extents.replace,
    ".alter": policies.alter,
    ".alter-merge": policies.alter_merge,
    ".delete": policies.delete,
    ".get ingestion resources": service.ingestion_resources,
    ".get kusto identity token": service.identity_token,
}


_OF_POLICIES: dict[str, Handler] = {
    ".alter table": policies.alter,
    ".alter-merge table": policies.alter_merge,
    ".alter materialized-view": policies.alter,
}
"""Beginnings that a command about a policy shares with another."""


def run(context: Context, text: str) -> Reply:
    """The reply of a command that has nothing piped behind it."""
    return _plain(context, text, Scanner(text))


def _plain(context: Context, text: str, scanner: Scanner) -> Reply:
    if scanner.accept(".execute"):
        return script.execute(context, scanner, run)
    if scanner.peek(".show"):
        reply, condition = _show(context, text)
        if condition:
            raise NotServedError("a filtered command inside a script")
        return reply
    return _handler(scanner)(context, scanner)


def _handler(scanner: Scanner) -> Handler:
    for words in sorted(HANDLERS, key=len, reverse=True):
        start = scanner.position
        if scanner.accept_words(*words.split(" ")):
            if words in _OF_POLICIES and _is_policy(scanner):
                scanner.position = start
                scanner.expect(words.split(" ", maxsplit=1)[0])
                return _OF_POLICIES[words]
            if words == ".create table" and not _is_schema(scanner):
                return mappings.create
            return HANDLERS[words]
    beginning = " ".join(scanner.text.split()[:3])
    raise NotServedError(f"the command `{beginning}`. Served: {', '.join(sorted(HANDLERS))}")


def _is_schema(scanner: Scanner) -> bool:
    """Whether `T (` comes next, as against `T ingestion` or `T policy`."""
    start = scanner.position
    scanner.name()
    found = scanner.peek("(")
    scanner.position = start
    return found


def _is_policy(scanner: Scanner) -> bool:
    """Whether `T policy` comes next."""
    start = scanner.position
    found = scanner.at_name() and not scanner.peek("with") and bool(scanner.name()) and scanner.peek("policy")
    scanner.position = start
    return found


def _show(context: Context, text: str) -> tuple[Reply, str]:
    """A `.show` command without its pipeline: the reply, and a filter that still has to be applied."""
    scanner = Scanner(text)
    start = scanner.position
    if (tables := _tables_of_extents(context, scanner)) is not None:
        return extents.show(context, scanner, tables[0])
    scanner.position = start
    return _show_other(context, scanner), ""


def _tables_of_extents(context: Context, scanner: Scanner) -> tuple[list[str] | None] | None:
    """What `.show ... extents` is about, None within for every table; None when this is another command."""
    scanner.expect(".show")
    tables: list[str] | None = None
    if scanner.accept("table"):
        if not scanner.at_name():
            return None
        tables = [scanner.name()]
    elif scanner.accept("tables") and scanner.peek("("):
        tables = scanner.names()
    elif scanner.accept("database") and not scanner.peek("extents") and scanner.at_name():
        name = scanner.name()
        if scanner.peek("extents"):
            context.store.check_database(name)
    else:
        scanner.accept("cluster")
    return (tables,) if scanner.accept("extents") else None


def _show_other(context: Context, scanner: Scanner) -> Reply:
    start = scanner.position
    scanner.expect(".show")
    if " policy " in f" {' '.join(scanner.text.split())} " and not scanner.peek("function"):
        return policies.show(context, scanner)
    if scanner.accept("database"):
        return _show_of_database(context, scanner)
    if scanner.accept("table"):
        name = scanner.name()
        if scanner.peek("ingestion"):
            return mappings.show(context, scanner, name)
        return (
            show.details(context, scanner, name)
            if scanner.peek("details")
            else show.table_schema(context, scanner, name)
        )
    scanner.position = start
    return _handler(scanner)(context, scanner)


def _show_of_database(context: Context, scanner: Scanner) -> Reply:
    start = scanner.position
    if scanner.at_name() and not scanner.peek("schema"):
        context.store.check_database(scanner.name())
        if scanner.peek("principals"):
            return principals.show(context, scanner)
        if scanner.peek("ingestion"):
            return mappings.show(context, scanner, None)
    scanner.position = start
    return show.schema(context, scanner)


def answer(context: Context, text: str) -> Answer:
    """The answer to a command as it came from a client."""
    scanner = Scanner(text)
    if not scanner.peek(".show"):
        reply = _plain(context, text, scanner)
        return Answer(reply.columns, encode_rows(reply.rows))
    command, *pipeline = split_top(text, "|")
    reply, condition = _show(context, command)
    stages = [stage for stage in (condition, *pipeline) if stage]
    if not stages:
        return Answer(reply.columns, encode_rows(reply.rows))
    with context.store.read() as cursor:
        translated, sql = context.queries.through(reply.columns, reply.rows, "|".join(stages), cursor, context.store)
        return Answer(translated.columns, [row[0] for row in cursor.execute(sql).fetchall()])
