"""System procedures that answer about the catalogue, or change names and descriptions in it.

Belongs here: sp_rename, sp_tablecollations_100, sp_describe_first_result_set, sp_*extendedproperty, sp_columns' kin.
Does not: procedures that run texts (`procedures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tds_endpoint import first_result, rows, tables, tokens, undeclared
from tds_endpoint.declared import Declared
from tds_endpoint.errors import SqlError
from tds_endpoint.requests import Parameter
from tds_endpoint.rows import ResultColumn
from tds_endpoint.session import Scope, Session
from tds_endpoint.tsql.lexer import lexed

IN_PROCEDURE = Scope(in_procedure=True)


def _named(given: Sequence[Parameter], *names: str) -> dict[str, Any]:
    """Arguments by name, or in the order of the procedure's parameters."""
    found: dict[str, Any] = {}
    for index, each in enumerate(given):
        name = each.name.lstrip("@").lower() or (names[index] if index < len(names) else f"#{index}")
        found[name] = each.value
    return found


def _rename(session: Session, given: Sequence[Parameter]) -> None:
    asked = _named(given, "objname", "newname", "objtype")
    parts = lexed(str(asked["objname"]))
    new = str(asked["newname"])
    kind = str(asked.get("objtype") or "OBJECT").upper()
    if kind == "COLUMN":
        name, _ = tables.read_name(parts[:-2], 0)
        session.connection.execute(f'ALTER TABLE {name.engine} RENAME COLUMN "{parts[-1].value}" TO "{new}"')
        return
    if kind == "INDEX":
        name, _ = tables.read_name(parts[:-2], 0)
        session.connection.execute(
            "UPDATE sys.kept_indexes SET index_name = ? WHERE lower(table_name) = lower(?) AND lower(index_name) = lower(?)",
            [new, name.name, parts[-1].value],
        )
        return
    name, _ = tables.read_name(parts, 0)
    found = tables.kind(session.connection, name)
    if found is None:
        raise SqlError(15225, f"No item by the name of '{name}' could be found in the current database.", 11)
    if tables.kind(session.connection, tables.ObjectName(name.schema, new)):
        raise SqlError(15335, f"Error: The new name '{new}' is already in use as a OBJECT name.", 11)
    with session.transactions.whole():
        word = "TABLE" if found == "U" else "VIEW"
        session.connection.execute(f'ALTER {word} {name.engine} RENAME TO "{new}"')
        for kept, column in (("indexes", "table_name"), ("texts", "view_name"), ("properties", "object_name")):
            session.connection.execute(
                f"UPDATE sys.kept_{kept} SET {column} = ? WHERE lower(schema_name) = lower(?) AND lower({column}) = "
                "lower(?)",
                [new, name.schema, name.name],
            )
    session.tell(
        tokens.info(15477, "Caution: Changing any part of an object name could break scripts and stored procedures.")
    )


def _collations(session: Session, given: Sequence[Parameter]) -> None:
    """What a bulk copy asks: the collation of each column."""
    name, _ = tables.read_name(lexed(str(given[0].value)), 0)
    found = [
        ResultColumn("colid", Declared("int")),
        ResultColumn("name", Declared("nvarchar", 128)),
        ResultColumn("tds_collation", Declared("varbinary", 5)),
        ResultColumn("collation", Declared("nvarchar", 128)),
    ]
    data = [
        (index, column.name, tokens.COLLATION if column.declared.name.endswith("char") else None,
         tokens.COLLATION_NAME if column.declared.name.endswith("char") else None)
        for index, column in enumerate(tables.existing(session.connection, name), 1)
    ]  # fmt: skip
    session.tell(rows.metadata(found))
    session.tell(rows.encoded(found, data))
    session.done(IN_PROCEDURE, len(data))


def _property(session: Session, given: Sequence[Parameter], *, drop: bool, must_exist: bool | None) -> None:
    asked = _named(
        given, "name", *([] if drop else ["value"]), "level0type", "level0name", "level1type", "level1name",
        "level2type", "level2name",
    )  # fmt: skip
    where = [str(asked.get("level0name")), str(asked.get("level1name")), asked.get("level2name"), str(asked["name"])]
    match = "schema_name = ? AND object_name = ? AND column_name IS NOT DISTINCT FROM ? AND name = ?"
    found = session.connection.execute(f"SELECT 1 FROM sys.kept_properties WHERE {match}", where).fetchone()
    if must_exist is not None and bool(found) != must_exist:
        number, what = (15217, "does not exist") if must_exist else (15233, "already exists")
        raise SqlError(number, f"Property '{asked['name']}' {what} for '{where[0]}.{where[1]}'.")
    session.connection.execute(f"DELETE FROM sys.kept_properties WHERE {match}", where)
    if not drop:
        session.connection.execute(
            "INSERT INTO sys.kept_properties VALUES (?, ?, ?, ?, ?)", [*where, str(asked.get("value"))]
        )


def _lock(session: Session, given: Sequence[Parameter]) -> int:
    asked = _named(given, "resource", "lockmode", "lockowner", "locktimeout")
    timeout = asked.get("locktimeout")
    return session.locks.acquire(str(asked["resource"]), session, -1 if timeout is None else int(timeout))


def _unlock(session: Session, given: Sequence[Parameter]) -> int:
    asked = _named(given, "resource", "lockowner")
    if not session.locks.release(str(asked["resource"]), session):
        raise SqlError(
            1223, f"Cannot release the application lock '{asked['resource']}' because it is not currently held."
        )
    return 0


def answer(session: Session, name: str, given: Sequence[Parameter]) -> int:  # noqa: C901 - a table of cases, one branch each
    """A system procedure, and what it returns; or error 2812."""
    if name == "sp_getapplock":
        return _lock(session, given)
    if name == "sp_describe_undeclared_parameters" and session.options.describe:
        found = undeclared.describe(session.connection, str(given[0].value))
        session.tell(rows.metadata(undeclared.COLUMNS))
        session.tell(rows.encoded(undeclared.COLUMNS, found))
        session.done(IN_PROCEDURE, len(found))
        return 0
    if name == "sp_describe_first_result_set" and session.options.describe:
        shape = first_result.described(session, str(given[0].value), errors=False)
        session.tell(rows.metadata(first_result.COLUMNS))
        session.tell(rows.encoded(first_result.COLUMNS, shape))
        session.done(IN_PROCEDURE, len(shape))
        return 0
    if name == "sp_releaseapplock":
        return _unlock(session, given)
    if name == "sp_rename":
        _rename(session, given)
    elif name == "sp_tablecollations_100":
        _collations(session, given)
    elif name == "sp_addextendedproperty":
        _property(session, given, drop=False, must_exist=False)
    elif name == "sp_updateextendedproperty":
        _property(session, given, drop=False, must_exist=True)
    elif name == "sp_dropextendedproperty":
        _property(session, given, drop=True, must_exist=True)
    elif name in {"sp_reset_connection", "sp_set_session_context", "sp_updatestats", "sp_refreshview"}:
        return 0
    else:
        raise SqlError(2812, f"Could not find stored procedure '{name}'.")
    return 0
