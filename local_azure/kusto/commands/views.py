"""Materialized views: made, altered, shown. Nothing is materialized here: a view is computed when it is asked for.

Belongs here: the commands, and the few rules without which a view could not exist in Azure either.
Does not: answering queries about views (`translation`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from local_azure.kusto.catalogue import View
from local_azure.kusto.commands import policies
from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.errors import EntityExistsError, EntityNotFoundError, SemanticError
from local_azure.kusto.scan import Scanner, split_top
from local_azure.kusto.store import Transaction

_SHAPE = columns(
    Name="string",
    SourceTable="string",
    Query="string",
    MaterializedTo="datetime",
    LastRun="datetime",
    LastRunResult="string",
    IsHealthy="bool",
    IsEnabled="bool",
    Folder="string",
    DocString="string",
    AutoUpdateSchema="bool",
    EffectiveDateTime="datetime",
    Lookback="string",
)
_KNOWN = {"folder", "docstring", "lookback"}


def _row(view: View) -> tuple[object, ...]:
    never = None
    return (
        *(
            view.name,
            view.source,
            view.query,
            never,
            never,
            "Completed",
            True,
            view.enabled,
            view.folder,
            view.docstring,
        ),
        *(False, never, view.lookback),
    )


def _declared(scanner: Scanner) -> View:
    properties = scanner.properties()
    if unknown := properties.keys() - _KNOWN:
        raise SemanticError(f"the local endpoint has no view with {', '.join(sorted(unknown))}")
    name = scanner.name()
    if not (scanner.accept_words("on", "table")):
        raise scanner.fail("`on table`")
    source = scanner.name()
    query = scanner.enclosed("{").strip()
    scanner.expect_end()
    return View(
        name,
        source,
        query,
        properties.get("folder", ""),
        properties.get("docstring", ""),
        properties.get("lookback", ""),
    )


def _checked(context: Context, view: View, transaction: Transaction) -> None:
    known = transaction.catalogue
    known.table(view.source)
    if view.name in known.tables or view.name in known.functions:
        raise EntityExistsError(f"there is already a table or a function '{view.name}'")
    begins, *operators = [part.strip() for part in split_top(view.query, "|")]
    summarizing = [re.match(r"summarize\b", operator) is not None for operator in operators]
    if begins != view.source or summarizing.count(True) != 1 or not summarizing[-1]:
        raise SemanticError(
            f"Cannot create materialized view '{view.name}': its query must be over '{view.source}' and hold a single "
            "summarize, which is its last operator."
        )
    context.queries.select(view.query, transaction, {})


def _put(context: Context, view: View, *, create: bool, replacing: bool) -> Reply:
    with context.store.write() as transaction:
        there = transaction.catalogue.views.get(view.name)
        if there is None and not create:
            raise EntityNotFoundError("MaterializedView", view.name)
        if there and not replacing:
            raise EntityExistsError(f"MaterializedView '{view.name}' already exists.")
        if there and there.source != view.source:
            raise SemanticError(f"materialized view '{view.name}' is over '{there.source}' and stays so")
        _checked(context, view, transaction)
        _keep(transaction, view)
    return Reply(_SHAPE, [_row(view)])


def _keep(transaction: Transaction, view: View) -> None:
    transaction.cursor.execute("DELETE FROM kx.views WHERE name = ?", [view.name])
    transaction.cursor.execute(
        "INSERT INTO kx.views VALUES (?, ?, ?, ?, ?, ?, ?)",
        [view.name, view.source, view.query, view.folder, view.docstring, view.lookback, view.enabled],
    )
    transaction.reload()


def create(context: Context, scanner: Scanner) -> Reply:
    """`.create materialized-view [with (...)] V on table T { … }`."""
    return _put(context, _declared(scanner), create=True, replacing=False)


def create_or_alter(context: Context, scanner: Scanner) -> Reply:
    """`.create-or-alter materialized-view [with (...)] V on table T { … }`."""
    return _put(context, _declared(scanner), create=True, replacing=True)


def alter(context: Context, scanner: Scanner) -> Reply:
    """`.alter materialized-view V on table T { … }`, `.alter materialized-view V docstring|folder "…"`."""
    start = scanner.position
    if not scanner.peek("with"):
        name = scanner.name()
        for word in ("docstring", "folder"):
            if scanner.accept(word):
                text = scanner.string()
                scanner.expect_end()
                return _described(context, name, word, text)
    scanner.position = start
    return _put(context, _declared(scanner), create=False, replacing=True)


def _described(context: Context, name: str, word: str, text: str) -> Reply:
    with context.store.write() as transaction:
        there = _known(transaction.catalogue.views, name)
        _keep(transaction, replace(there, docstring=text) if word == "docstring" else replace(there, folder=text))
        view = transaction.catalogue.views[name]
    return Reply(_SHAPE, [_row(view)])


def _known(views: dict[str, View], name: str) -> View:
    if name not in views:
        raise EntityNotFoundError("MaterializedView", name)
    return views[name]


def _switched(context: Context, scanner: Scanner, *, on: bool) -> Reply:
    name = scanner.name()
    scanner.expect_end()
    with context.store.write() as transaction:
        view = replace(_known(transaction.catalogue.views, name), enabled=on)
        _keep(transaction, view)
    return Reply(_SHAPE, [_row(view)])


def enable(context: Context, scanner: Scanner) -> Reply:
    """`.enable materialized-view V`."""
    return _switched(context, scanner, on=True)


def disable(context: Context, scanner: Scanner) -> Reply:
    """`.disable materialized-view V`: shown as such; here it answers all the same."""
    return _switched(context, scanner, on=False)


def drop(context: Context, scanner: Scanner) -> Reply:
    """`.drop materialized-view V [ifexists]`."""
    name = scanner.name()
    if_exists = scanner.accept("ifexists")
    scanner.expect_end()
    with context.store.write() as transaction:
        if not if_exists:
            _known(transaction.catalogue.views, name)
        transaction.cursor.execute("DELETE FROM kx.views WHERE name = ?", [name])
        policies.forget(transaction.cursor, "materialized-view", name)
        transaction.reload()
        left = list(transaction.catalogue.views.values())
    return Reply(_SHAPE, [_row(view) for view in left])


def show(context: Context, scanner: Scanner) -> Reply:
    """`.show materialized-views`."""
    scanner.expect_end()
    return Reply(_SHAPE, [_row(view) for view in context.store.catalogue.views.values()])


def show_one(context: Context, scanner: Scanner) -> Reply:
    """`.show materialized-view V`."""
    name = scanner.name()
    scanner.expect_end()
    return Reply(_SHAPE, [_row(_known(context.store.catalogue.views, name))])
