"""What type a result's columns have: the engine knows a text, T-SQL an `nvarchar(50)`.

Belongs here: lengths of texts and precisions of times, followed from declared columns through a query.
Does not: types the engine knows as well (they come from its description of the result).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb
from sqlglot import exp
from tds_endpoint import tables
from tds_endpoint.declared import Declared, of_duck, parse
from tds_endpoint.errors import SqlError
from tds_endpoint.rows import ResultColumn
from tds_endpoint.tables import ObjectName

Shape = dict[str, Declared]
TEXTS = {"varchar", "nvarchar", "char", "nchar"}
SAME_AS_ARGUMENT = (exp.Max, exp.Min, exp.Upper, exp.Lower, exp.Trim, exp.Paren, exp.Lag, exp.Lead)


class _Follower:
    """One statement's sources."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._named: dict[str, list[tuple[str, Declared | None]]] = {}

    def columns(self, tree: exp.Expr) -> list[tuple[str, Declared | None]]:
        """Names and types of a query's columns; None where the engine's type says enough."""
        for cte in tree.ctes if isinstance(tree, exp.Query) else []:
            found = self.columns(cte.this)
            aliases = [each.name for each in cte.args["alias"].columns]
            self._named[cte.alias.lower()] = [
                (aliases[index] if index < len(aliases) else name, kind) for index, (name, kind) in enumerate(found)
            ]
        if isinstance(tree, exp.SetOperation):
            left, right = self.columns(tree.this), self.columns(tree.expression)
            return [(name, _wider(kind, other[1])) for (name, kind), other in zip(left, right, strict=False)]
        if isinstance(tree, exp.Subquery):
            return self.columns(tree.this)
        if not isinstance(tree, exp.Select):
            return []
        sources = self._sources(tree)
        found = []
        for each in tree.expressions:
            if isinstance(each, exp.Star):
                for columns in sources.values():
                    found += columns
            elif isinstance(each, exp.Column) and isinstance(each.this, exp.Star):
                found += sources.get(each.table.lower(), [])
            else:
                found.append((each.alias_or_name, self._kind(each, sources)))
        return found

    def _sources(self, tree: exp.Select) -> dict[str, list[tuple[str, Declared | None]]]:
        sources: dict[str, list[tuple[str, Declared | None]]] = {}
        start = tree.args.get("from_") or tree.args.get("from")
        for node in [*([start.this] if start else []), *[join.this for join in tree.args.get("joins") or []]]:
            inner = node.this if isinstance(node, exp.Lateral) else node
            if isinstance(inner, exp.Table):
                sources[node.alias_or_name.lower()] = self._table(inner)
            elif isinstance(inner, exp.Subquery):
                found = self.columns(inner)
                alias = node.args.get("alias")
                names = [each.name for each in alias.columns] if alias else []
                sources[node.alias_or_name.lower()] = [
                    (names[index] if index < len(names) else name, kind) for index, (name, kind) in enumerate(found)
                ]
            else:
                sources[node.alias_or_name.lower()] = []
        return sources

    def _table(self, table: exp.Table) -> list[tuple[str, Declared | None]]:
        if not table.db and table.name.lower() in self._named:
            return self._named[table.name.lower()]
        temporary = bool(table.this.args.get("temporary")) if isinstance(table.this, exp.Identifier) else False
        name = ObjectName(table.db or "dbo", ("#" if temporary else "") + table.name)
        return [(column.name, column.declared) for column in tables.columns(self._connection, name)]

    def _kind(self, node: exp.Expr, sources: dict[str, list[tuple[str, Declared | None]]]) -> Declared | None:  # noqa: C901, PLR0911 - a table of cases, one branch each
        if isinstance(node, exp.Alias):
            return self._kind(node.this, sources)
        if isinstance(node, exp.Column):
            wanted = [sources.get(node.table.lower(), [])] if node.table else list(sources.values())
            for columns in wanted:
                for name, kind in columns:
                    if name.lower() == node.name.lower():
                        return kind
            return None
        if isinstance(node, exp.Cast):
            kind = parse(node.to.sql("tsql"))
            return replace(kind, size=30) if kind and kind.name in TEXTS and kind.size is None else kind
        if isinstance(node, exp.Literal) and node.is_string:
            return Declared("nvarchar", max(len(node.name), 1))
        if isinstance(node, (exp.Coalesce, exp.Case, exp.If, exp.Anonymous)):
            return self._joined(node, sources)
        if isinstance(node, SAME_AS_ARGUMENT) and isinstance(node.this, exp.Expr):
            return self._kind(node.this, sources)
        if isinstance(node, exp.Window):
            return self._kind(node.this, sources)
        if isinstance(node, exp.Subquery):
            inner = _Follower(self._connection)
            inner._named = self._named
            found = inner.columns(node)
            return found[0][1] if found else None
        return None

    def _joined(self, node: exp.Expr, sources: dict[str, list[tuple[str, Declared | None]]]) -> Declared | None:
        if isinstance(node, exp.Case):
            branches = [each.args["true"] for each in node.args["ifs"]] + [node.args.get("default")]
        elif isinstance(node, exp.If):
            branches = [node.args.get("true"), node.args.get("false")]
        elif isinstance(node, exp.Coalesce):
            branches = [node.this, *node.expressions]
        elif node.name.lower() == "ts_isnull":
            return self._kind(node.expressions[0], sources)
        else:
            return None
        found: Declared | None = None
        for branch in branches:
            if branch is None or isinstance(branch, exp.Null):
                continue
            kind = self._kind(branch, sources)
            if kind is None:
                return None
            found = kind if found is None else _wider(found, kind)
            if found is None:
                return None
        return found


def _wider(left: Declared | None, right: Declared | None) -> Declared | None:
    """The type of either."""
    if left is None or right is None:
        return None
    if left.name in TEXTS and right.name in TEXTS:
        size = -1 if -1 in {left.size, right.size} else max(left.size or 1, right.size or 1)
        name = "nvarchar" if "nvarchar" in {left.name, right.name} else "varchar"
        return Declared(name, size)
    return left if left == right else None


def result(
    connection: duckdb.DuckDBPyConnection, tree: exp.Expr, described: Sequence[tuple[str, str]]
) -> list[ResultColumn]:
    """The columns of a result: the engine's description, refined."""
    found = _Follower(connection).columns(tree)
    if len(found) != len(described):
        found = [("", None)] * len(described)
    columns = []
    for (name, kind), (_, refined), node in zip(described, found, _projections(tree, len(described)), strict=True):
        plain = of_duck(kind)
        fits = refined is not None and refined.duck.split("(")[0] == kind.upper().split("(")[0]
        columns.append(ResultColumn(_name(name, node), refined if fits and refined else plain))
    return columns


def _projections(tree: exp.Expr, count: int) -> list[exp.Expr | None]:
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    listed = tree.expressions if isinstance(tree, exp.Select) else []
    return list(listed) if len(listed) == count and not any(e.is_star for e in listed) else [None] * count


def _name(name: str, node: exp.Expr | None) -> str:
    """The engine names an expression by its text; SQL Server leaves it without a name."""
    return name if node is None or isinstance(node, (exp.Alias, exp.Column)) else ""


def widened(columns: list[ResultColumn], data: Sequence[Sequence[Any]]) -> list[ResultColumn]:
    """Texts longer than their column says become `max`."""
    found = []
    for index, column in enumerate(columns):
        bound = column.declared.characters
        if bound and any(row[index] is not None and len(row[index]) > bound for row in data):
            found.append(replace(column, declared=Declared(column.declared.name, -1)))
        else:
            found.append(column)
    return found


def check_named(columns: Sequence[ResultColumn]) -> None:
    """A table or view needs a name for each column, and each once."""
    seen: set[str] = set()
    for number, column in enumerate(columns, 1):
        if not column.name:
            raise SqlError(
                1038 if number == 0 else 4511,
                f"Create View or Function failed because no column name was specified for column {number}.",
            )
        if column.name.lower() in seen:
            raise SqlError(4506, f"Column names in each view or function must be unique. '{column.name}' is not.")
        seen.add(column.name.lower())
