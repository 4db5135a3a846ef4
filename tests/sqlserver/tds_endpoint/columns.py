"""Columns and constraints: what stands in the brackets of CREATE TABLE, and ALTER TABLE.

Belongs here: column definitions, keys (kept in the catalogue), checks and defaults (given to the engine).
Does not: indexes outside a table's definition (`definitions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tds_endpoint import tables
from tds_endpoint.declared import Declared, parse
from tds_endpoint.errors import SqlError, refused
from tds_endpoint.session import Scope, Session
from tds_endpoint.tables import ObjectName
from tds_endpoint.tsql.lexer import WORD, Token, arguments, closing, joined
from tds_endpoint.tsql.translate import engine_sql, parsed, reshaped


@dataclass
class Key:
    """A primary key or a unique constraint."""

    name: str
    primary: bool
    columns: list[str]
    clustered: bool
    constraint: bool = True


@dataclass
class Definition:
    """A table as it was defined."""

    engine: list[str] = field(default_factory=list)
    declared: list[tuple[str, Declared]] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)


def _expression(session: Session, parts: Sequence[Token], scope: Scope) -> str:
    return engine_sql(reshaped(parsed(session.rewritten(parts, scope))))


def read_column(session: Session, parts: Sequence[Token], scope: Scope, made: Definition, table: str) -> None:  # noqa: C901, PLR0912 - a table of cases, one branch each
    """`name type [NULL | NOT NULL] [DEFAULT …] [CONSTRAINT …] …`."""
    name, at = parts[0].value, 1
    end = closing(parts, 2) + 1 if len(parts) > 2 and parts[2].text == "(" else 2
    end += len(parts) > 2 and parts[2].upper == "PRECISION"
    kind = parse(joined(parts[at:end]))
    if kind is None:
        raise SqlError(2715, f"Column, parameter, or variable #1: Cannot find data type {joined(parts[at:end])}.")
    if kind.name in {"varchar", "nvarchar", "char", "nchar"} and kind.size is None:
        kind = Declared(kind.name, 1)
    engine = f'"{name}" {kind.duck}'
    constraint, at = "", end
    nullable = True
    while at < len(parts):
        word = parts[at].upper
        if word == "NOT" and parts[at + 1].upper == "NULL":
            nullable, at = False, at + 2
        elif word in {"NULL", "CLUSTERED", "NONCLUSTERED", "SPARSE", "ROWGUIDCOL"}:
            at += 1
        elif word == "CONSTRAINT":
            constraint, at = parts[at + 1].value, at + 2
        elif word == "COLLATE":
            at += 2
        elif word == "IDENTITY":
            at = closing(parts, at + 1) + 1 if at + 1 < len(parts) and parts[at + 1].text == "(" else at + 1
            sequence = f'"{table}_{name}_seq"'
            session.connection.execute(f"CREATE SEQUENCE IF NOT EXISTS dbo.{sequence}")
            engine += f" DEFAULT nextval('dbo.{sequence}')"
        elif word == "DEFAULT":
            stop = closing(parts, at + 1) + 1 if parts[at + 1].text == "(" else at + 2
            if stop < len(parts) and parts[stop].text == "(":
                stop = closing(parts, stop) + 1
            engine += f" DEFAULT {_expression(session, parts[at + 1 : stop], scope)}"
            at = stop
        elif word == "CHECK":
            stop = closing(parts, at + 1) + 1
            engine += f" CHECK {_expression(session, parts[at + 1 : stop], scope)}"
            at = stop
        elif word in {"PRIMARY", "UNIQUE"}:
            rest = [token.upper for token in parts[at : at + 3]]
            clustered = "CLUSTERED" in rest or (word == "PRIMARY" and "NONCLUSTERED" not in rest)
            made.keys.append(Key(constraint or f"{word[:2]}__{table}__{name}", word == "PRIMARY", [name], clustered))
            nullable = nullable and word != "PRIMARY"
            at += 2 if word == "PRIMARY" else 1
        else:
            raise refused(parts[at].text)
    made.engine.append(engine + ("" if nullable else " NOT NULL"))
    made.declared.append((name, kind))


def read_constraint(session: Session, parts: Sequence[Token], scope: Scope, made: Definition, table: str) -> bool:
    """A constraint of the table; False when this is a column."""
    at, name = 0, ""
    if parts[0].upper == "CONSTRAINT":
        name, at = parts[1].value, 2
    word = parts[at].upper
    if word not in {"PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "INDEX"} or (
        at == 0 and len(parts) > 1 and word in {"INDEX", "CHECK"} and parts[1].kind == WORD and parse(parts[1].text)
    ):
        return False
    opening = next((index for index in range(at, len(parts)) if parts[index].text == "("), None)
    if word == "INDEX":
        name = parts[at + 1].value
    if word == "FOREIGN":
        return True
    if opening is None:
        if word == "INDEX":
            made.keys.append(Key(name, primary=False, columns=[], clustered=True, constraint=False))
            return True
        raise refused(parts[at].text)
    inside = parts[opening + 1 : closing(parts, opening)]
    if word == "CHECK":
        made.engine.append(f"CHECK ({_expression(session, inside, scope)})")
        return True
    columns = [each[0].value for each in arguments(inside)]
    words = {token.upper for token in parts[:opening]}
    clustered = "CLUSTERED" in words or (word == "PRIMARY" and "NONCLUSTERED" not in words)
    if word != "INDEX":
        made.keys.append(Key(name or f"{word[:2]}__{table}", word == "PRIMARY", columns, clustered))
    return True


def create_table(session: Session, parts: Sequence[Token], scope: Scope) -> None:
    """CREATE TABLE."""
    name, at = tables.read_name(parts, 2)
    if at >= len(parts) or parts[at].text != "(":
        raise refused(parts[at].text if at < len(parts) else name.name)
    if tables.kind(session.connection, name):
        raise SqlError(2714, f"There is already an object named '{name.name}' in the database.")
    if (
        not name.temporary
        and not session.connection.execute(
            "SELECT 1 FROM sys.schemas WHERE lower(name) = lower(?)", [name.schema]
        ).fetchone()
    ):
        raise SqlError(2760, f'The specified schema name "{name.schema}" either does not exist or you do not have '
                             "permission to use it.")  # fmt: skip
    made = Definition()
    for each in arguments(parts[at + 1 : closing(parts, at)]):
        if each and not read_constraint(session, each, scope, made, name.name):
            read_column(session, each, scope, made, name.name)
    known = {column.lower(): kind for column, kind in made.declared}
    with session.transactions.whole():
        word = "TEMP TABLE" if name.temporary else "TABLE"
        session.connection.execute(f"CREATE {word} {name.engine} ({', '.join(made.engine)})")
        tables.declare(session.connection, name, made.declared)
        for key in made.keys:
            _keep(session, name, key, known)


def _keep(session: Session, name: ObjectName, key: Key, known: dict[str, Declared]) -> None:
    for column in key.columns:
        if column.lower() not in known:
            raise SqlError(1911, f"Column name '{column}' does not exist in the target table or view.")
        if known[column.lower()].size == -1:
            raise SqlError(1919, f"Column '{column}' in table '{name}' is of a type that is invalid for use as a key "
                                 "column in an index.")  # fmt: skip
        if key.primary:
            quoted = column.replace('"', '""')
            session.connection.execute(f'ALTER TABLE {name.engine} ALTER COLUMN "{quoted}" SET NOT NULL')
    if key.primary and any(
        kind == "primary"
        for (kind,) in session.connection.execute(
            "SELECT 'primary' FROM sys.kept_indexes WHERE is_primary AND lower(schema_name) = lower(?) AND "
            "lower(table_name) = lower(?)",
            [name.schema, name.name],
        ).fetchall()
    ):
        raise SqlError(1779, f"Table '{name.name}' already has a primary key defined on it.")
    session.connection.execute(
        "INSERT INTO sys.kept_indexes VALUES (?, ?, ?, ?, ?, ?, ?, ?, [], NULL)",
        [
            name.schema, name.name, key.name, "CLUSTERED" if key.clustered else "NONCLUSTERED", key.constraint,
            key.primary, key.constraint, key.columns,
        ],
    )  # fmt: skip


def alter_table(session: Session, parts: Sequence[Token], scope: Scope) -> None:
    """ALTER TABLE … ADD, DROP, ALTER COLUMN, REBUILD."""
    name, at = tables.read_name(parts, 2)
    found = tables.columns(session.connection, name)
    if not found:
        raise SqlError(
            4902, f'Cannot find the object "{name}" because it does not exist or you do not have permissions.'
        )
    if parts[at].upper == "WITH":
        at += 2
    action = parts[at].upper
    with session.transactions.whole():
        if action == "ADD":
            _add(session, name, parts[at + 1 :], scope)
        elif action == "DROP":
            _drop(session, name, parts[at + 1 :])
        elif action == "ALTER":
            _alter(session, name, parts[at + 2 :], scope)
        elif action not in {"REBUILD", "SET", "CHECK", "NOCHECK", "SWITCH"}:
            raise refused(parts[at].text)


def _add(session: Session, name: ObjectName, rest: Sequence[Token], scope: Scope) -> None:
    for each in arguments(rest):
        made = Definition()
        if not read_constraint(session, each, scope, made, name.name):
            read_column(session, each, scope, made, name.name)
        for column in made.engine if made.declared else []:
            session.connection.execute(f"ALTER TABLE {name.engine} ADD COLUMN {column.removesuffix(' NOT NULL')}")
        tables.declare(session.connection, name, made.declared)
        known = {column.name.lower(): column.declared for column in tables.columns(session.connection, name)}
        for key in made.keys:
            _keep(session, name, key, known)
        if made.keys:
            tables.check_keys(session.connection, name)


def _drop(session: Session, name: ObjectName, rest: Sequence[Token]) -> None:
    column = rest[0].upper == "COLUMN"
    start = 1 if rest[0].upper in {"COLUMN", "CONSTRAINT"} else 0
    start += 2 if rest[start].upper == "IF" else 0
    for each in arguments(rest[start:]):
        if column:
            session.connection.execute(f'ALTER TABLE {name.engine} DROP COLUMN "{each[-1].value}"')
        else:
            session.connection.execute(
                "DELETE FROM sys.kept_indexes WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?) AND "
                "lower(index_name) = lower(?)",
                [name.schema, name.name, each[-1].value],
            )


def _alter(session: Session, name: ObjectName, rest: Sequence[Token], scope: Scope) -> None:
    made = Definition()
    read_column(session, rest, scope, made, name.name)
    (column, kind) = made.declared[0]
    if kind.characters:
        quoted = column.replace('"', '""')
        session.connection.execute(f"SELECT ts_fits(\"{quoted}\", {kind.characters}, '{column}') FROM {name.engine}")
    session.connection.execute(f'ALTER TABLE {name.engine} ALTER COLUMN "{column}" TYPE {kind.duck}')
    strict = made.engine[0].endswith(" NOT NULL")
    session.connection.execute(
        f'ALTER TABLE {name.engine} ALTER COLUMN "{column}" {"SET" if strict else "DROP"} NOT NULL'
    )
    tables.declare(session.connection, name, made.declared)
