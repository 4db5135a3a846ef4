"""A statement in T-SQL as one in the engine's dialect, by the syntax tree of `sqlglot`.

Belongs here: types, operators, apply joins, temporary names, UPDATE and DELETE with FROM.
Does not: spelling of tokens (`rewrite`), or statements that are no queries (`session`, `definitions`).
"""

from __future__ import annotations

from sqlglot import exp, parse_one
from sqlglot.errors import ParseError, TokenError
from tds_endpoint import declared
from tds_endpoint.errors import SqlError, refused

OVERLOADED_AGGREGATES = {"ts_sum", "ts_avg", "ts_stdev", "ts_stdevp", "ts_var", "ts_varp"}
TEXT_DEFAULT = 30  # CAST(x AS varchar) has thirty characters


def parsed(text: str) -> exp.Expr:
    """The syntax tree; what is not read is error 102."""
    try:
        tree = parse_one(text, dialect="tsql")
    except ParseError as error:
        near = error.errors[0].get("highlight") if error.errors else ""
        raise refused(near or text[:40]) from error
    except TokenError as error:
        raise SqlError(105, f"Unclosed quotation mark: {error}", 15) from error
    if isinstance(tree, exp.Command):
        raise refused(text[:40])
    return tree


def _function(name: str, *given: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(given))


def _aggregates(node: exp.Expr) -> bool:
    """Whether an aggregate is in it, whose type the engine does not know yet when it chooses among macros."""
    return any(
        isinstance(each, exp.AggFunc)
        or (isinstance(each, exp.Anonymous) and each.name.lower() in OVERLOADED_AGGREGATES)
        for each in node.walk()
    )


def _is_plain(node: exp.Expr) -> bool:
    """A text or a whole number, which truncation does not change."""
    return isinstance(node, exp.Literal) and (node.is_string or node.is_int)


def _cast(node: exp.Cast) -> exp.Expr:
    spelling = node.to.sql("tsql")
    kind = declared.parse(spelling)
    if kind is None:
        raise SqlError(243, f"Type {spelling} is not a defined system type.")
    value, attempt = node.this, isinstance(node, exp.TryCast)
    if kind.name in {"int", "bigint"} and not attempt and not _is_plain(value):
        name = "ts_integer" if kind.name == "int" else "ts_bigint"
        return _function(name + "_aggregates" * _aggregates(value), value)
    plain = type(node)(this=value, to=exp.DataType.build(kind.duck, dialect="duckdb"))
    if kind.name in {"varchar", "nvarchar", "char", "nchar"} and kind.size != -1:
        return _function("left", plain, exp.Literal.number(kind.size or TEXT_DEFAULT))
    return plain


def _join(node: exp.Join) -> exp.Join:
    """APPLY: a lateral join needs a condition in the engine."""
    apply = node.this
    if isinstance(apply, exp.Lateral) and not node.args.get("on"):
        if apply.args.get("cross_apply") is False:
            node.set("side", "LEFT")
        apply.set("cross_apply", None)
        node.set("on", exp.true())
    return node


def _rewritten(node: exp.Expr) -> exp.Expr:  # noqa: PLR0911 - a table of cases, one branch each
    if isinstance(node, exp.Cast):
        return _cast(node)
    if isinstance(node, exp.Add):
        return node if _aggregates(node) else _function("ts_add", node.this, node.expression)
    if isinstance(node, exp.Div):
        return _function("ts_divide" + "_aggregates" * _aggregates(node), node.this, node.expression)
    if isinstance(node, exp.Join):
        return _join(node)
    if isinstance(node, exp.Identifier) and node.args.get("temporary"):
        return exp.to_identifier("#" + node.name, quoted=True)
    if isinstance(node, exp.Table):
        return _table(node)
    return node


def _table(node: exp.Table) -> exp.Table:
    schema = node.args.get("db")
    if schema is not None and schema.name.lower() == "information_schema":
        node.set("this", exp.to_identifier(f"information_schema_{node.name.lower()}"))
        node.set("db", exp.to_identifier("sys"))
    if node.catalog.lower() == "tempdb":
        node.set("catalog", None)
        node.set("db", None)
    return node


def _with_rows(target: exp.Table, source: exp.From, where: exp.Expr | None) -> tuple[exp.Table, str]:
    """The table an UPDATE or DELETE with FROM means, and the name it has there."""
    tables = [source.this, *[join.this for join in source.this.args.get("joins") or []]]
    for table in tables:
        if isinstance(table, exp.Table) and table.alias_or_name.lower() == target.name.lower():
            return table, table.alias_or_name
    return target, target.alias_or_name


def _joins(tree: exp.Expr) -> list[exp.Join]:
    return list(tree.args.get("joins") or [])


def _delete(tree: exp.Delete) -> exp.Expr:
    """DELETE t FROM x AS t JOIN …: by the engine's row numbers."""
    named = tree.args.get("tables")
    if not named:
        return tree
    source = tree.this
    found, alias = _with_rows(named[0], exp.From(this=source), None)
    rows = exp.select(exp.column("rowid", alias)).from_(source.copy())
    if where := tree.args.get("where"):
        rows = rows.where(where.this)
    plain = found.copy()
    plain.set("alias", None)
    plain.set("joins", None)
    return exp.Delete(this=plain, where=exp.Where(this=exp.In(this=exp.column("rowid"), query=rows.subquery())))


def _update(tree: exp.Update) -> exp.Expr:
    """UPDATE t SET … FROM x AS t JOIN …: values by the engine's row numbers."""
    source = tree.args.get("from_") or tree.args.get("from")
    for assignment in tree.expressions:
        if isinstance(assignment, exp.EQ) and isinstance(assignment.this, exp.Column):
            assignment.this.set("table", None)
    if source is None:
        return tree
    found, alias = _with_rows(tree.this, source, None)
    names = [assignment.this.name for assignment in tree.expressions]
    values = [exp.alias_(each.expression, f"v{index}") for index, each in enumerate(tree.expressions)]
    rows = exp.Select(expressions=[exp.alias_(exp.column("rowid", alias), "rid"), *values])
    rows.set("from_" if "from_" in exp.Select.arg_types else "from", source.copy())
    if joins := _joins(tree):
        rows.set("joins", [join.copy() for join in joins])
    if where := tree.args.get("where"):
        rows.set("where", where.copy())
    plain = found.copy()
    plain.set("alias", None)
    plain.set("joins", None)
    sets = [exp.EQ(this=exp.column(name), expression=exp.column(f"v{i}", "changed")) for i, name in enumerate(names)]
    changed = exp.Update(this=plain, expressions=sets)
    changed.set(
        "from_" if "from_" in exp.Update.arg_types else "from", exp.From(this=rows.subquery("changed", copy=False))
    )
    mine = exp.column("rowid", plain.name)
    changed.set("where", exp.Where(this=exp.EQ(this=mine, expression=exp.column("rid", "changed"))))
    return changed


def reshaped(tree: exp.Expr) -> exp.Expr:
    """The tree the engine understands."""
    if isinstance(tree, exp.Delete):
        tree = _delete(tree)
    elif isinstance(tree, exp.Update):
        tree = _update(tree)
    elif isinstance(tree, exp.Merge):
        for assignment in tree.find_all(exp.EQ):
            if isinstance(assignment.parent, exp.Update) and isinstance(assignment.this, exp.Column):
                assignment.this.set("table", None)
    return _bottom_up(tree)


def _bottom_up(tree: exp.Expr) -> exp.Expr:
    """Each node once, the innermost first."""
    for node in reversed(list(tree.walk(bfs=True))):
        new = _rewritten(node)
        if new is node:
            continue
        if node is tree:
            tree = new
        else:
            node.replace(new)
    return tree


def engine_sql(tree: exp.Expr) -> str:
    """The statement for the engine."""
    return tree.sql("duckdb")
