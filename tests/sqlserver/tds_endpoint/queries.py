"""Statements that read and write rows.

Belongs here: SELECT (also INTO, and into variables), INSERT, UPDATE, DELETE, MERGE, TRUNCATE.
Does not: translation of their text (`tsql.translate`), bulk copy (`bulk`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from tds_endpoint import describe, rows, tables
from tds_endpoint.control import Handler
from tds_endpoint.errors import SqlError, missing
from tds_endpoint.session import Scope, Session
from tds_endpoint.tables import ObjectName
from tds_endpoint.tsql import rules
from tds_endpoint.tsql.lexer import VARIABLE, Token, arguments, lexed
from tds_endpoint.tsql.translate import engine_sql, parsed, reshaped

FETCH = 5000


def object_name(table: exp.Table) -> ObjectName:
    """The table a tree names."""
    if table.this.args.get("temporary") or table.name.startswith("#"):
        return ObjectName("", "#" + table.name.lstrip("#"))
    return ObjectName(table.db or "dbo", table.name)


def select(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """SELECT …."""
    start = 1
    if len(parts) > start + 1 and parts[start].kind == VARIABLE and parts[start + 1].text == "=":
        assign(session, parts, scope)
        return
    tree = parsed(session.rewritten(parts, scope))
    rules.check_tree(tree)
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
        write_tree(session, tree, scope)
        return
    into = tree.find(exp.Into)
    if into is not None:
        _select_into(session, tree, into, scope)
        return
    _send(session, tree, scope)


def _send(session: Session, tree: exp.Expr, scope: Scope) -> None:
    """A result to the client."""
    shape = tree.copy()
    sql = engine_sql(reshaped(tree))
    result = session.connection.execute(f"SELECT * FROM ({sql}) LIMIT 0" if session.format_only else sql)
    described = [(str(each[0]), str(each[1])) for each in result.description]
    data = result.fetchall()
    found = describe.result(session.connection, shape, described)
    found = describe.widened(found, data)
    session.tell(rows.metadata(found))
    if not session.format_only:
        session.tell(rows.encoded(found, data))
        session.rowcount = len(data)
    session.done(scope, len(data))


def _select_into(session: Session, tree: exp.Expr, into: exp.Into, scope: Scope) -> None:
    target = object_name(into.this)
    holder = into.parent
    assert holder is not None
    holder.set("into", None)
    if tables.kind(session.connection, target):
        raise SqlError(2714, f"There is already an object named '{target.name}' in the database.")
    shape = tree.copy()
    sql = engine_sql(reshaped(tree))
    with session.transactions.whole():
        word = "TEMP TABLE" if target.temporary else "TABLE"
        count = session.connection.execute(f"CREATE {word} {target.engine} AS {sql}").fetchone()
        made = session.connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE lower(table_name) = lower(?) AND (database_name = "
            "'temp') = ? AND (? OR lower(schema_name) = lower(?)) ORDER BY column_index",
            [target.name, target.temporary, target.temporary, target.schema],
        ).fetchall()
        found = describe.result(session.connection, shape, made)
        describe.check_named(found)
        tables.declare(session.connection, target, [(column.name, column.declared) for column in found])
    session.rowcount = int(count[0]) if count else 0
    session.done(scope, session.rowcount)


def assign(session: Session, parts: Sequence[Token], scope: Scope) -> None:
    """SELECT @a = …, @b = … [FROM …]; a variable that builds on itself takes row after row."""
    depth, end = 0, len(parts)
    for index, token in enumerate(parts):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.upper == "FROM":
            end = index
            break
    items = arguments(parts[1:end])
    names = [item[0].text.lower() for item in items]
    for name in names:
        if name not in scope.variables:
            raise SqlError(137, f'Must declare the scalar variable "{name}".', 15)
    values = [item[2:] for item in items]
    if any(token.text.lower() in names for value in values for token in value):
        _accumulate(session, names, values, parts[end:], scope)
        return
    listed: list[Token] = []
    for value in values:
        listed += [*(lexed(",") if listed else []), *value]
    result = session.query([*lexed("SELECT"), *listed, *parts[end:]], scope).fetchall()
    session.rowcount = len(result)
    if result:
        for name, value in zip(names, result[-1], strict=True):
            variable = scope.variables[name]
            variable.value = session.typed(variable.declared, value)


def _accumulate(
    session: Session, names: list[str], values: list[list[Token]], source: Sequence[Token], scope: Scope
) -> None:
    """`@a = @a + column`: the columns are read, then each row's expression is worked out in turn."""
    tree = parsed("SELECT " + ", ".join(session.rewritten(value, scope) for value in values))
    wanted = sorted({column.sql("tsql") for column in tree.find_all(exp.Column)})
    listed = lexed("SELECT " + ", ".join(wanted or ["1 AS one"]))
    for row in session.query([*listed, *source], scope).fetchall():
        for name, value in zip(names, values, strict=True):
            expression = parsed("SELECT " + session.rewritten(value, scope))
            given = dict(zip(wanted, row, strict=False))
            filled = expression.transform(
                lambda node, given=given: exp.convert(given[node.sql("tsql")]) if isinstance(node, exp.Column) else node
            )
            found = session.connection.execute(engine_sql(reshaped(filled))).fetchone()
            scope.variables[name].value = found[0] if found else None


def write(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """INSERT, UPDATE, DELETE, MERGE."""
    if parts[0].upper == "INSERT" and any(token.upper in {"EXEC", "EXECUTE"} for token in parts):
        raise SqlError(50000, "the endpoint does not know INSERT … EXEC")
    if parts[0].upper == "INSERT" and parts[1].upper != "INTO":
        parts = [parts[0], *lexed("INTO"), *parts[1:]]
    if parts[0].upper == "DELETE" and parts[1].upper != "FROM" and not any(p.upper == "FROM" for p in parts):
        parts = [parts[0], *lexed("FROM"), *parts[1:]]
    tree = parsed(session.rewritten(parts, scope))
    rules.check_tree(tree)
    write_tree(session, tree, scope)


def write_tree(session: Session, tree: exp.Expr, scope: Scope) -> None:
    """A change of rows, whole, with keys and lengths looked after."""
    target = _target(tree)
    found = tables.existing(session.connection, target)
    sql = _insert(tree, target, found) if isinstance(tree, exp.Insert) else engine_sql(reshaped(_fitted(tree, found)))
    with session.transactions.whole():
        count = session.connection.execute(sql).fetchone()
        if not isinstance(tree, exp.Delete):
            tables.check_keys(session.connection, target)
    session.rowcount = int(count[0]) if count else 0
    session.done(scope, session.rowcount)


def _target(tree: exp.Expr) -> ObjectName:
    """The table that changes; an alias means the table in FROM it stands for."""
    node = tree.this
    if isinstance(tree, exp.Delete) and tree.args.get("tables"):
        node = tree.args["tables"][0]
    if isinstance(node, exp.Schema):
        node = node.this
    if not isinstance(node, exp.Table):
        raise missing(node.sql("tsql"))
    for table in tree.find_all(exp.Table):
        if table is not node and table.alias and table.alias.lower() == node.name.lower() and not node.db:
            return object_name(table)
    return object_name(node)


def _insert(tree: exp.Insert, target: ObjectName, found: list[tables.Column]) -> str:
    schema = tree.this
    by_name = {column.name.lower(): column for column in found}
    listed = [each.name for each in schema.expressions] if isinstance(schema, exp.Schema) else []
    for name in listed:
        if name.lower() not in by_name:
            raise SqlError(207, f"Invalid column name '{name}'.")
    wanted = [by_name[name.lower()] for name in listed] or found
    source = tree.expression
    into = f"INSERT INTO {target.engine} (" + ", ".join(f'"{column.name}"' for column in wanted) + ")"
    if source is None or tree.args.get("default"):
        return f"INSERT INTO {target.engine} DEFAULT VALUES"
    inner = engine_sql(reshaped(source))
    if ctes := tree.args.get("with_") or tree.args.get("with"):
        inner = f"{engine_sql(reshaped(ctes))} {inner}"
    if isinstance(source, exp.Values):
        inner = inner.strip()
        inner = inner[1:-1] if inner.startswith(("((", "(VALUES")) else inner
        width = {len(row.expressions) if isinstance(row, exp.Tuple) else 1 for row in source.expressions}
        if width != {len(wanted)}:
            raise SqlError(213, "Column name or number of supplied values does not match table definition.")
    names = ", ".join(f"c{index}" for index in range(len(wanted)))
    values = ", ".join(column.fitted(f"c{index}") for index, column in enumerate(wanted))
    return f"{into} SELECT {values} FROM ({inner}) AS given({names})"


def _fitted(tree: exp.Expr, found: list[tables.Column]) -> exp.Expr:
    by_name = {column.name.lower(): column for column in found}
    assignments = tree.expressions if isinstance(tree, exp.Update) else []
    for each in assignments:
        if not isinstance(each, exp.EQ):
            continue
        column = by_name.get(each.this.name.lower())
        if column is None:
            raise SqlError(207, f"Invalid column name '{each.this.name}'.")
        if column.declared.characters:
            given = [each.expression, exp.Literal.number(column.declared.characters), exp.Literal.string(column.name)]
            each.set("expression", exp.Anonymous(this="ts_fits", expressions=given))
    return tree


def truncate(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """TRUNCATE TABLE."""
    name, _ = tables.read_name(parts, 2)
    if tables.kind(session.connection, name) != "U":
        raise SqlError(4701, f'Cannot find the object "{name.name}" because it does not exist.')
    session.connection.execute(f"DELETE FROM {name.engine}")
    session.done(scope)


HANDLERS: dict[str, Handler] = {
    "SELECT": select,
    "WITH": select,
    "INSERT": write,
    "UPDATE": write,
    "DELETE": write,
    "MERGE": write,
    "TRUNCATE": truncate,
}
