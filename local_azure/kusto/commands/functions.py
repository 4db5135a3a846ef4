"""Commands about stored functions."""

from __future__ import annotations

from duckdb_kql.stored_functions import parse_functions

from local_azure.kusto.catalogue import Function
from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.errors import EntityExistsError, EntityNotFoundError, InvalidSyntaxError
from local_azure.kusto.scan import Scanner

COLUMNS = columns(Name="string", Parameters="string", Body="string", Folder="string", DocString="string")


def _row(function: Function) -> tuple[str, ...]:
    return (function.name, function.parameters, function.body, function.folder, function.docstring)


def _declared(scanner: Scanner) -> Function:
    properties = scanner.properties()
    name = scanner.name()
    parameters = f"({scanner.enclosed('(')})"
    body = f"{{{scanner.enclosed('{')}}}"
    scanner.expect_end()
    function = Function(name, parameters, body, properties.get("folder", ""), properties.get("docstring", ""))
    try:
        parse_functions([function.definition])
    except (TypeError, ValueError) as error:
        raise InvalidSyntaxError(f"function '{name}': {error}") from error
    return function


def _put(context: Context, function: Function, *, replace: bool, if_not_exists: bool = False) -> Reply:
    with context.store.write() as transaction:
        there = transaction.catalogue.functions.get(function.name)
        if there and not replace:
            if if_not_exists:
                return Reply(COLUMNS, [_row(there)])
            raise EntityExistsError(f"Function '{function.name}' already exists.")
        transaction.cursor.execute("DELETE FROM kx.functions WHERE name = ?", [function.name])
        transaction.cursor.execute("INSERT INTO kx.functions VALUES (?, ?, ?, ?, ?)", list(_row(function)))
        transaction.reload()
    return Reply(COLUMNS, [_row(function)])


def create_or_alter(context: Context, scanner: Scanner) -> Reply:
    """`.create-or-alter function [with (...)] Name(...) { ... }`."""
    return _put(context, _declared(scanner), replace=True)


def create(context: Context, scanner: Scanner) -> Reply:
    """`.create function [ifnotexists] [with (...)] Name(...) { ... }`."""
    if_not_exists = scanner.accept("ifnotexists")
    return _put(context, _declared(scanner), replace=False, if_not_exists=if_not_exists)


def drop(context: Context, scanner: Scanner) -> Reply:
    """`.drop function F [ifexists]`; answers with the functions that are left."""
    name = scanner.name()
    if_exists = scanner.accept("ifexists")
    scanner.expect_end()
    with context.store.write() as transaction:
        if name not in transaction.catalogue.functions and not if_exists:
            raise EntityNotFoundError("Function", name)
        transaction.cursor.execute("DELETE FROM kx.functions WHERE name = ?", [name])
        transaction.reload()
        left = list(transaction.catalogue.functions.values())
    return Reply(COLUMNS, [_row(function) for function in left])


def show(context: Context, scanner: Scanner) -> Reply:
    """`.show functions`."""
    scanner.expect_end()
    return Reply(COLUMNS, [_row(function) for function in context.store.catalogue.functions.values()])


def show_one(context: Context, scanner: Scanner) -> Reply:
    """`.show function F`."""
    name = scanner.name()
    scanner.expect_end()
    function = context.store.catalogue.functions.get(name)
    if function is None:
        raise EntityNotFoundError("Function", name)
    return Reply(COLUMNS, [_row(function)])
