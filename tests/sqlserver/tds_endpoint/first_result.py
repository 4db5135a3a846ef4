"""The shape of a text's first result: sys.dm_exec_describe_first_result_set and the procedure of that name.

Belongs here: working it out without running the text, and the rows both answer with.
Does not: types of expressions (`describe`).
"""

from __future__ import annotations

from typing import Any

import duckdb
from tds_endpoint import describe, tokens
from tds_endpoint.catalogue import TYPES
from tds_endpoint.declared import Declared
from tds_endpoint.errors import SqlError, of_engine
from tds_endpoint.rows import ResultColumn
from tds_endpoint.session import Scope, Session
from tds_endpoint.tsql import rules
from tds_endpoint.tsql.lexer import lexed
from tds_endpoint.tsql.split import Plain, split
from tds_endpoint.tsql.translate import engine_sql, parsed, reshaped

TABLE = "#kept_first_result"
BIT, INT, TEXT = Declared("bit"), Declared("int"), Declared("nvarchar", 4000)
COLUMNS = tuple(
    ResultColumn(name, kind)
    for name, kind in (
        ("is_hidden", BIT),
        ("column_ordinal", INT),
        ("name", Declared("nvarchar", 128)),
        ("is_nullable", BIT),
        ("system_type_id", INT),
        ("system_type_name", Declared("nvarchar", 256)),
        ("max_length", Declared("smallint")),
        ("precision", Declared("tinyint")),
        ("scale", Declared("tinyint")),
        ("collation_name", Declared("nvarchar", 128)),
        ("user_type_id", INT),
        ("error_number", INT),
        ("error_message", TEXT),
    )
)


def columns(session: Session, text: str) -> list[ResultColumn]:
    """The columns of the first statement that has a result."""
    found = lexed(text)
    rules.check_batch(found, session.options)
    for statement in split(found):
        if isinstance(statement, Plain) and statement.keyword in {"SELECT", "WITH"}:
            tree = parsed(session.rewritten(statement.tokens, Scope()))
            rules.check_tree(tree)
            shape = tree.copy()
            try:
                result = session.connection.execute(f"SELECT * FROM ({engine_sql(reshaped(tree))}) LIMIT 0")
            except duckdb.Error as error:
                raise of_engine(error) from error
            return describe.result(session.connection, shape, [(str(d[0]), str(d[1])) for d in result.description])
    return []


def described(session: Session, text: str, *, errors: bool) -> list[tuple[Any, ...]]:
    """The rows of the answer; a text that does not compile is one row that says why, or is raised."""
    try:
        found = columns(session, text)
    except SqlError as error:
        if not errors:
            raise
        return [(False, 0, None, None, None, None, None, None, None, None, None, error.number, error.text)]
    numbers = {name: number for name, number, _ in TYPES}
    sizes = {name: size for name, _, size in TYPES}
    rows: list[tuple[Any, ...]] = []
    for ordinal, column in enumerate(found, 1):
        kind = column.declared
        measured = session.connection.execute(
            "SELECT ts_length($kind, $size), ts_precision($kind), ts_scale($kind)",
            {"kind": str(kind), "size": sizes[kind.name]},
        ).fetchone()
        assert measured is not None
        collation = tokens.COLLATION_NAME if kind.name.endswith("char") else None
        number = numbers[kind.name]
        rows.append(
            (False, ordinal, column.name or None, True, number, str(kind), *measured, collation, number, None, None)
        )
    return rows


def as_table(session: Session, text: str) -> str:
    """The function's rows, in a table of the session whose name stands for the call."""
    rows = described(session, text, errors=True)
    made = ", ".join(f"{column.name} {column.declared.duck}" for column in COLUMNS)
    session.connection.execute(f'CREATE OR REPLACE TEMP TABLE "{TABLE}" ({made})')
    if rows:
        marks = ", ".join("?" * len(COLUMNS))
        session.connection.executemany(f'INSERT INTO "{TABLE}" VALUES ({marks})', rows)
    return TABLE
