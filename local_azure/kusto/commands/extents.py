"""Commands about extents: show, drop, move, replace.

Belongs here: which extents a command means. A filter is either understood in full or refused: `.drop extents` is
built on `.show ... extents`, and a filter that is skipped would drop everything.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from local_azure.kusto import extents
from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.errors import EntityNotFoundError, SemanticError
from local_azure.kusto.extents import Extent
from local_azure.kusto.scan import Scanner, split_top
from local_azure.kusto.store import Store, Transaction

COLUMNS = columns(
    ExtentId="guid",
    DatabaseName="string",
    TableName="string",
    MaxCreatedOn="datetime",
    OriginalSize="real",
    ExtentSize="real",
    CompressedSize="real",
    IndexSize="real",
    Blocks="long",
    Segments="long",
    ExtentContainerId="string",
    RowCount="long",
    MinCreatedOn="datetime",
    Tags="string",
    Kind="string",
)
_DROPPED = columns(ExtentId="guid", TableName="string", CreatedOn="datetime")
_MOVED = columns(OriginalExtentId="string", ResultExtentId="string", Details="string")
_CONDITION = {"has": "has", "!has": "!has", "contains": "contains", "!contains": "!contains"}


def _row(database: str, extent: Extent) -> tuple[Any, ...]:
    size = float(extent.size)
    return (
        extent.extent_id, database, extent.table, extent.created, size, size, size, 0.0, 1, 1, "", extent.rows,
        extent.created, "\n".join(extent.tags), "UserData",
    )  # fmt: skip


def show(context: Context, scanner: Scanner, tables: list[str] | None) -> tuple[Reply, str]:
    """The extents of `tables` (None: all) and the KQL filter that the words behind `extents` stand for."""
    return _show(context, context.store, None, scanner, tables)


def _show(
    context: Context, owner: Store | Transaction, cursor: Any, scanner: Scanner, tables: list[str] | None
) -> tuple[Reply, str]:
    for name in tables or ():
        owner.catalogue.table(name)
    condition = _conditions(scanner)
    if cursor is None:
        with context.store.read() as own:
            found = extents.listing(own, tables)
    else:
        found = extents.listing(cursor, tables)
    return Reply(COLUMNS, [_row(context.database, extent) for extent in found]), condition


def _conditions(scanner: Scanner) -> str:
    """The older form of filter, `(ids) hot where tags has 'x' and ...`, as KQL; empty when there is none."""
    parts = []
    if scanner.peek("("):
        ids = [uuid.UUID(text.strip().strip("'\"")) for text in split_top(scanner.enclosed("("), ",")]
        parts.append(f"ExtentId in ({', '.join(f'guid({one})' for one in ids)})")
    scanner.accept("hot")
    if scanner.accept("where"):
        while True:
            scanner.expect("tags")
            negated = "!" if scanner.accept("!") else ""
            operator = _CONDITION.get(negated + scanner.word())
            if operator is None:
                raise scanner.fail("has, !has, contains or !contains")
            parts.append(f"Tags {operator} {_kql_string(scanner.string())}")
            if not scanner.accept("and"):
                break
    scanner.expect_end()
    return f"where {' and '.join(parts)}" if parts else ""


def _kql_string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _selected(context: Context, transaction: Transaction, text: str) -> list[Extent]:
    """The extents named by a command or a query with a column ExtentId."""
    cursor = transaction.cursor
    if text.lstrip().startswith("."):
        command, *pipeline = split_top(text, "|")
        scanner = Scanner(command)
        scanner.expect(".show")
        tables = _subject(context, scanner)
        reply, condition = _show(context, transaction, cursor, scanner, tables)
        stages = [stage for stage in (condition, *pipeline) if stage]
        translated, _ = context.queries.through(
            reply.columns, reply.rows, "|".join(stages or ["where true"]), cursor, transaction
        )
        values: dict[str, Any] = {}
    else:
        translated, values = context.queries.select(text, transaction, context.parameters)
    names = [column.name for column in translated.columns]
    if "ExtentId" not in names:
        raise SemanticError(f"the extents query must answer with a column ExtentId; it has {', '.join(names)}")
    found = cursor.execute(
        f'SELECT DISTINCT CAST("ExtentId" AS VARCHAR) FROM ({translated.sql})', values or None
    ).fetchall()
    ids = [row[0] for row in found if row[0]]
    matched = extents.listing(cursor, ids=[identifier.lower() for identifier in ids])
    missing = {identifier.lower() for identifier in ids} - {str(extent.extent_id) for extent in matched}
    if missing:
        raise EntityNotFoundError("Extent", ", ".join(sorted(missing)))
    return matched


def _subject(context: Context, scanner: Scanner) -> list[str] | None:
    """`table T extents`, `tables (A, B) extents` or `database D extents`."""
    tables: list[str] | None = None
    if scanner.accept("tables"):
        tables = scanner.names()
    elif scanner.accept("database"):
        if not scanner.peek("extents"):
            context.store.check_database(scanner.name())
    else:
        scanner.expect("table")
        tables = [scanner.name()]
    scanner.expect("extents")
    return tables


def drop(context: Context, scanner: Scanner) -> Reply:
    """`.drop extents [from T] <| query`, `.drop extents (ids) from T`, `.drop extents from T`."""
    ids = None
    if scanner.peek("("):
        ids = [text.strip().strip("'\"").lower() for text in split_top(scanner.enclosed("("), ",")]
        ids = [str(uuid.UUID(re.sub(r"^guid\((.*)\)$", r"\1", one))) for one in ids]
    table = scanner.name() if scanner.accept("from") else None
    with context.store.write() as transaction:
        if table is not None:
            transaction.catalogue.table(table)
        if scanner.accept("<|") and ids is None:
            dropped = _selected(context, transaction, scanner.rest())
        elif ids is not None:
            dropped = extents.listing(transaction.cursor, ids=ids)
            if len(dropped) != len(set(ids)):
                raise EntityNotFoundError("Extent", ", ".join(ids))
        elif table is not None:
            dropped = extents.listing(transaction.cursor, [table])
        else:
            raise scanner.fail("`<|` and a query, extent ids, or `from` and a table")
        scanner.expect_end()
        strangers = [str(e.extent_id) for e in dropped if table is not None and e.table != table]
        if strangers:
            raise SemanticError(f"extents {', '.join(strangers)} are not in table '{table}'")
        extents.drop(transaction, dropped)
    return Reply(_DROPPED, [(extent.extent_id, extent.table, extent.created) for extent in dropped])


def move(context: Context, scanner: Scanner) -> Reply:
    """`.move extents all from table A to table B`, `... from table A to table B (ids)`, `... to table B <| query`."""
    every = scanner.accept("all")
    source = scanner.name() if scanner.accept_words("from", "table") else None
    scanner.expect("to")
    scanner.expect("table")
    target = scanner.name()
    _window(scanner)
    with context.store.write() as transaction:
        table = transaction.catalogue.table(target)
        if source is not None:
            transaction.catalogue.table(source)
        if every and source:
            chosen = extents.listing(transaction.cursor, [source])
        elif source and scanner.peek("("):
            ids = [str(uuid.UUID(text.strip().strip("'\""))) for text in split_top(scanner.enclosed("("), ",")]
            chosen = [e for e in extents.listing(transaction.cursor, [source]) if str(e.extent_id) in ids]
            if len(chosen) != len(set(ids)):
                raise EntityNotFoundError("Extent", ", ".join(ids))
        elif source is None and not every:
            scanner.expect("<|")
            chosen = _selected(context, transaction, scanner.rest())
        else:
            raise scanner.fail("`all from table`, extent ids, or `<|` and a query")
        scanner.expect_end()
        moved = extents.move(transaction, chosen, table)
    return Reply(_MOVED, [(str(old.extent_id), str(new.extent_id), "") for old, new in moved])


def _window(scanner: Scanner) -> None:
    unknown = scanner.properties().keys() - {"extentcreatedonfrom", "extentcreatedonto"}
    if unknown:
        raise scanner.fail(f"no property {', '.join(sorted(unknown))}")


def replace(context: Context, scanner: Scanner) -> Reply:
    """`.replace extents in table T <| { extents to drop }, { extents to move }`, both or neither."""
    scanner.expect("in")
    scanner.expect("table")
    name = scanner.name()
    _window(scanner)
    scanner.expect("<|")
    leaving = scanner.enclosed("{")
    scanner.expect(",")
    arriving = scanner.enclosed("{")
    scanner.expect_end()
    with context.store.write() as transaction:
        table = transaction.catalogue.table(name)
        dropped = _selected(context, transaction, leaving)
        chosen = _selected(context, transaction, arriving)
        strangers = [str(extent.extent_id) for extent in dropped if extent.table != name]
        if strangers:
            raise SemanticError(f"extents to drop must be in '{name}'; these are not: {', '.join(strangers)}")
        extents.drop(transaction, dropped)
        moved = extents.move(transaction, chosen, table)
        context.failpoints.reach("before_replace")
    context.failpoints.reach("after_replace")
    rows = [(str(old.extent_id), str(new.extent_id), "") for old, new in moved]
    return Reply(_MOVED, [*rows, *((str(extent.extent_id), "", "") for extent in dropped)])
