"""Statements that define and drop: schemas, tables, views, indexes.

Belongs here: CREATE, ALTER, DROP, GRANT and what of them the catalogue keeps.
Does not: the columns and constraints inside CREATE TABLE (`columns`).
"""

from __future__ import annotations

from collections.abc import Sequence

from tds_endpoint import columns, describe, tables
from tds_endpoint.control import Handler
from tds_endpoint.errors import SqlError, missing, refused
from tds_endpoint.session import Scope, Session
from tds_endpoint.tables import ObjectName
from tds_endpoint.tsql import rules
from tds_endpoint.tsql.lexer import Token, closing
from tds_endpoint.tsql.translate import engine_sql, parsed, reshaped


def _words(parts: Sequence[Token], count: int = 6) -> list[str]:
    return [token.upper for token in parts[:count]]


def _schema(session: Session, parts: Sequence[Token]) -> None:
    name = parts[2].value
    if session.connection.execute("SELECT 1 FROM sys.schemas WHERE lower(name) = lower(?)", [name]).fetchone():
        raise SqlError(2714, f"There is already an object named '{name}' in the database.")
    session.connection.execute(f'CREATE SCHEMA "{name}"')


def _view(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """CREATE [OR ALTER] VIEW, ALTER VIEW."""
    replaces = "ALTER" in _words(parts, 3)
    at = next(index for index, token in enumerate(parts) if token.upper == "VIEW") + 1
    name, at = tables.read_name(parts, at)
    if at < len(parts) and parts[at].text == "(":
        at = closing(parts, at) + 1
    while at < len(parts) and parts[at].upper != "AS":
        at += 1
    body = parts[at + 1 :]
    if not body:
        raise refused("AS")
    found = tables.kind(session.connection, name)
    if found == "U" or (found and not replaces):
        raise SqlError(2714, f"There is already an object named '{name.name}' in the database.")
    if parts[0].upper == "ALTER" and not found:
        raise missing(str(name))
    tree = parsed(session.rewritten(body, scope))
    rules.check_tree(tree)
    rules.check_view(tree)
    shape = tree.copy()
    with session.transactions.whole():
        word = "CREATE OR REPLACE VIEW" if found else "CREATE VIEW"
        session.connection.execute(f"{word} {name.engine} AS {engine_sql(reshaped(tree))}")
        made = session.connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE lower(table_name) = lower(?) AND "
            "lower(schema_name) = lower(?) AND database_name = current_database() ORDER BY column_index",
            [name.name, name.schema],
        ).fetchall()
        described = describe.result(session.connection, shape, made)
        describe.check_named(described)
        tables.declare(session.connection, name, [(column.name, column.declared) for column in described])
        _forget(session, name)
        kept = text[parts[0].start :]
        session.connection.execute("INSERT INTO sys.kept_texts VALUES (?, ?, ?)", [name.schema, name.name, kept])


def _forget(session: Session, name: ObjectName) -> None:
    """What is kept of an object goes with it."""
    for kept, column in (("indexes", "table_name"), ("texts", "view_name"), ("properties", "object_name")):
        session.connection.execute(
            f"DELETE FROM sys.kept_{kept} WHERE lower(schema_name) = lower(?) AND lower({column}) = lower(?)",
            [name.schema, name.name],
        )


def _index(session: Session, parts: Sequence[Token], scope: Scope) -> None:
    """CREATE [UNIQUE] [CLUSTERED | NONCLUSTERED] [COLUMNSTORE] INDEX."""
    words = _words(parts)
    at = words.index("INDEX") + 1
    name = parts[at].value
    columnstore, unique, clustered = "COLUMNSTORE" in words, "UNIQUE" in words[:3], "CLUSTERED" in words[:4]
    target, at = tables.read_name(parts, at + 2)
    found = {column.name.lower(): column for column in tables.existing(session.connection, target)}
    keys, at = _listed(parts, at)
    included: list[str] = []
    condition = None
    if at < len(parts) and parts[at].upper == "INCLUDE":
        included, at = _listed(parts, at + 1)
    if at < len(parts) and parts[at].upper == "WHERE":
        end = next((i for i in range(at, len(parts)) if parts[i].upper in {"WITH", "ON"}), len(parts))
        condition = engine_sql(reshaped(parsed(session.rewritten(parts[at + 1 : end], scope))))
    for key in [*keys, *included]:
        if key.lower() not in found:
            raise SqlError(1911, f"Column name '{key}' does not exist in the target table or view.")
    for key in [] if columnstore else keys:
        if found[key.lower()].declared.size == -1:
            raise SqlError(
                1919,
                f"Column '{key}' in table '{target}' is of a type that is invalid for use as a key column in an index.",
            )
    kind = ("CLUSTERED" if clustered else "NONCLUSTERED") + (" COLUMNSTORE" if columnstore else "")
    existing = session.connection.execute(
        "SELECT index_name, kind FROM sys.kept_indexes WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?)",
        [target.schema, target.name],
    ).fetchall()
    if any(each.lower() == name.lower() for each, _ in existing):
        raise SqlError(1913, f"The operation failed because an index or statistics with name '{name}' already exists on "
                             f"table '{target}'.")  # fmt: skip
    if clustered and (there := next((each for each, other in existing if other.startswith("CLUSTERED")), None)):
        raise SqlError(1902, f"Cannot create more than one clustered index on table '{target}'. Drop the existing "
                             f"clustered index '{there}' before creating another.")  # fmt: skip
    with session.transactions.whole():
        session.connection.execute(
            "INSERT INTO sys.kept_indexes VALUES (?, ?, ?, ?, ?, false, false, ?, ?, ?)",
            [target.schema, target.name, name, kind, unique, keys, included, condition],
        )
        if unique:
            tables.check_keys(session.connection, target)


def _listed(parts: Sequence[Token], at: int) -> tuple[list[str], int]:
    """Names in brackets, without their directions."""
    if at >= len(parts) or parts[at].text != "(":
        return [], at
    end = closing(parts, at)
    return [
        token.value for token in parts[at + 1 : end] if token.text != "," and token.upper not in {"ASC", "DESC"}
    ], end + 1


def _module(session: Session, parts: Sequence[Token], text: str) -> None:
    """Functions and security policies are kept, and do nothing."""
    kind = "SECURITY POLICY" if parts[1].upper == "SECURITY" else "FUNCTION"
    at = next(index for index, token in enumerate(parts) if token.upper in {"POLICY", "FUNCTION"}) + 1
    name, _ = tables.read_name(parts, at)
    session.connection.execute(
        "INSERT INTO sys.kept_modules VALUES (?, ?, ?, ?)", [kind, name.schema, name.name, text[parts[0].start :]]
    )


def create(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """CREATE …."""
    words = _words(parts)
    if "VIEW" in words[:4]:
        _view(session, parts, scope, text)
    elif words[1] == "SCHEMA":
        _schema(session, parts)
    elif words[1] == "TABLE":
        columns.create_table(session, parts, scope)
    elif "INDEX" in words:
        _index(session, parts, scope)
    elif words[1] in {"ROLE", "USER", "LOGIN"}:
        session.connection.execute("INSERT INTO sys.kept_principals VALUES (?, 'R')", [parts[2].value])
    elif words[1] in {"FUNCTION", "SECURITY"} or words[1:4] == ["OR", "ALTER", "FUNCTION"]:
        _module(session, parts, text)
    elif words[1] != "STATISTICS":
        raise SqlError(50000, f"the endpoint does not know CREATE {parts[1].text}")
    session.done(scope)


def alter(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """ALTER …."""
    if parts[1].upper == "VIEW":
        _view(session, parts, scope, text)
    elif parts[1].upper == "TABLE":
        columns.alter_table(session, parts, scope)
    elif parts[1].upper not in {"ROLE", "INDEX", "DATABASE", "USER"}:
        raise SqlError(50000, f"the endpoint does not know ALTER {parts[1].text}")
    session.done(scope)


def drop(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """DROP …."""
    what, at = parts[1].upper, 2
    if what == "SECURITY":
        what, at = "SECURITY POLICY", 3
    lenient = parts[at].upper == "IF"
    at += 2 if lenient else 0
    while at < len(parts):
        name, at = tables.read_name(parts, at)
        with session.transactions.whole():
            if what == "INDEX":
                at = _drop_index(session, parts, name, at, lenient=lenient)
            else:
                _drop_one(session, what, name, lenient=lenient)
        if at < len(parts) and parts[at].text == ",":
            at += 1
        elif at < len(parts):
            raise refused(parts[at].text)
    session.done(scope)


def _drop_one(session: Session, what: str, name: ObjectName, *, lenient: bool) -> None:  # noqa: C901 - a table of cases, one branch each
    unknown = SqlError(
        3701, f"Cannot drop the {what.lower()} '{name}', because it does not exist or you do not have permission.", 11
    )
    if what == "SCHEMA":
        if not session.connection.execute(
            "SELECT 1 FROM sys.schemas WHERE lower(name) = lower(?)", [name.name]
        ).fetchone():
            if lenient:
                return
            raise SqlError(15151, f"Cannot drop the schema '{name.name}', because it does not exist.")
        inside = session.connection.execute(
            "SELECT name FROM sys.kept_all WHERE lower(schema_name) = lower(?)", [name.name]
        ).fetchone()
        if inside:
            raise SqlError(
                3729, f"Cannot drop schema '{name.name}' because it is being referenced by object '{inside[0]}'."
            )
        session.connection.execute(f'DROP SCHEMA "{name.name}"')
        return
    if what in {"ROLE", "USER", "STATISTICS"}:
        session.connection.execute("DELETE FROM sys.kept_principals WHERE name = ?", [name.name])
        return
    if what in {"SECURITY POLICY", "FUNCTION"}:
        session.connection.execute(
            "DELETE FROM sys.kept_modules WHERE kind = ? AND schema_name = ? AND name = ?",
            [what, name.schema, name.name],
        )
        return
    if what not in {"TABLE", "VIEW"}:
        raise SqlError(50000, f"the endpoint does not know DROP {what}")
    found = tables.kind(session.connection, name)
    if found is None and lenient:
        return
    if found != ("U" if what == "TABLE" else "V"):
        if found is None:
            raise unknown
        raise SqlError(3705, f"Cannot use DROP {what} with '{name}' because '{name}' is a "
                             f"{'view' if found == 'V' else 'table'}.")  # fmt: skip
    session.connection.execute(f"DROP {what} {name.engine}")
    _forget(session, name)


def _drop_index(session: Session, parts: Sequence[Token], name: ObjectName, at: int, *, lenient: bool) -> int:
    """DROP INDEX i ON t, and the older DROP INDEX t.i."""
    index = name.name
    if at < len(parts) and parts[at].upper == "ON":
        target, at = tables.read_name(parts, at + 1)
    else:
        pieces = [token.value for token in parts[2:at] if token.text != "." and token.upper not in {"IF", "EXISTS"}]
        target = tables.named(pieces[:-1])
    gone = session.connection.execute(
        "DELETE FROM sys.kept_indexes WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?) AND "
        "lower(index_name) = lower(?)",
        [target.schema, target.name, index],
    ).fetchone()
    if not lenient and (gone is None or gone[0] == 0):
        raise SqlError(3701, f"Cannot drop the index '{target}.{index}', because it does not exist or you do not have "
                             "permission.", 11)  # fmt: skip
    return at


def grant(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """GRANT, REVOKE, DENY: the catalogue keeps them, nothing is checked."""
    words = [token.upper for token in parts]
    if "ON" in words and "TO" in words and words[0] == "GRANT" and words[words.index("ON") + 2] != "::":
        name, _ = tables.read_name(parts, words.index("ON") + 1)
        session.connection.execute(
            "INSERT INTO sys.kept_grants VALUES (?, ?, ?, ?)",
            [words[1], name.schema, name.name, parts[words.index("TO") + 1].value],
        )
    session.done(scope)


HANDLERS: dict[str, Handler] = {
    "CREATE": create,
    "ALTER": alter,
    "DROP": drop,
    "GRANT": grant,
    "REVOKE": grant,
    "DENY": grant,
}
