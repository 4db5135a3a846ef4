"""What SQL Server refuses and the parser would take: the rules, before anything runs.

Belongs here: the shapes of other dialects, and T-SQL's own prohibitions, each with SQL Server's number.
Does not: what only the data can show (lengths, keys, conversions).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from tds_endpoint.errors import SqlError, refused
from tds_endpoint.options import Options
from tds_endpoint.tsql.functions import NILADIC, OURS, SAME, TAKES_PART, TYPES
from tds_endpoint.tsql.lexer import VARIABLE, WORD, Token, closing
from tds_endpoint.tsql.split import If, Plain, Statement, While

FOREIGN = frozenset({"LIMIT", "ILIKE", "QUALIFY", "ISNULL_", "NOTNULL", "SIMILAR", "RLIKE", "REGEXP", "USING_"})
# Words that a bracket may follow without being functions.
KEYWORDS = frozenset(
    [
        "select",
        "from",
        "where",
        "and",
        "or",
        "not",
        "in",
        "exists",
        "as",
        "on",
        "by",
        "over",
        "values",
        "insert",
        "into",
        "table",
        "case",
        "when",
        "then",
        "else",
        "union",
        "all",
        "except",
        "intersect",
        "any",
        "some",
        "join",
        "apply",
        "top",
        "with",
        "partition",
        "order",
        "group",
        "having",
        "distinct",
        "set",
        "if",
        "while",
        "exec",
        "execute",
        "print",
        "return",
        "unique",
        "clustered",
        "nonclustered",
        "key",
        "index",
        "include",
        "primary",
        "references",
        "check",
        "default",
        "column",
        "between",
        "like",
        "is",
        "within",
        "precision",
        "pivot",
        "unpivot",
        "for",
        "rollup",
        "cube",
        "sets",
        "output",
        "using",
        "matched",
        "identity",
        "add",
        "drop",
        "only",
        "tablesample",
        "except",
        "rows",
        "range",
        "view",
        "update",
        "delete",
        "merge",
        "constraint",
        "begin",
        "end",
        "option",
        "max",
        "foreign",
        "columnstore",
        "null",
        "collate",
        "asc",
        "desc",
        "off",
        "nocount",
        "throw",
        "raiserror",
        "file",
        "declare",
        "masked",
        "function",
        "percent",
        "offset",
        "fetch",
        "next",
        "first",
    ]
)
SCALAR_NAMES = SAME | OURS | TAKES_PART | TYPES | set(NILADIC) | KEYWORDS


def check_batch(parts: Sequence[Token], options: Options) -> None:  # noqa: C901 - a table of cases, one branch each
    """Tokens alone."""
    for index, token in enumerate(parts):
        after = parts[index + 1] if index + 1 < len(parts) else None
        before = parts[index - 1] if index else None
        if token.text == "||" or (token.text == "::" and not _is_securable(parts, index)):
            raise refused(token.text)
        if token.kind != WORD:
            continue
        upper = token.upper
        if upper == "LIMIT" and after is not None and after.kind in {"number", "variable"}:
            raise refused(after.text)
        if upper in {"ILIKE", "QUALIFY"} and (before is None or before.text != "."):
            raise refused(token.text)
        if upper == "USING" and after is not None and after.text == "(" and not _in_merge(parts, index):
            raise SqlError(321, f'"{parts[index + 2].text}" is not a recognized table hints option.', 15)
        if upper == "INTERVAL" and after is not None and after.kind in {"text", "number"}:
            raise refused(after.text)
        if upper == "NULLS" and after is not None and after.upper in {"FIRST", "LAST"}:
            raise refused(token.text)
        if upper == "CREATE" and after is not None and after.upper == "OR" and parts[index + 2].upper == "REPLACE":
            raise refused("replace")
        if upper in {"TRUE", "FALSE"} and _is_value(before, after):
            raise SqlError(207, f"Invalid column name '{token.text}'.")
        _check_options(parts, index, options)
        if after is not None and after.text == "(" and upper != "OPENROWSET":
            _check_function(parts, index)


def _is_securable(parts: Sequence[Token], index: int) -> bool:
    return index > 0 and parts[index - 1].upper in {"SCHEMA", "OBJECT", "DATABASE", "ROLE", "USER", "TYPE", "LOGIN"}


def _in_merge(parts: Sequence[Token], index: int) -> bool:
    return any(token.upper == "MERGE" for token in parts[:index])


def _is_value(before: Token | None, after: Token | None) -> bool:
    """A name in brackets or after a dot is a column, and so is what AS names."""
    return not (
        (before is not None and (before.text == "." or before.upper == "AS"))
        or (after is not None and after.text == ".")
    )


def _check_options(parts: Sequence[Token], index: int, options: Options) -> None:
    upper, after = parts[index].upper, parts[index + 1].upper if index + 1 < len(parts) else ""
    if upper == "LABEL" and after == "=" and not options.label:
        raise refused("LABEL")
    if upper == "CREATE" and after == "OR" and not options.create_or_alter:
        raise SqlError(156, "Incorrect syntax near the keyword 'OR'.", 15)
    if upper == "COLUMNSTORE" and not options.columnstore:
        raise SqlError(35347, "The statement failed because columnstore indexes are not supported by this server.")
    if upper == "MERGE" and not options.merge and (index == 0 or parts[index - 1].text != "("):
        raise SqlError(156, "Incorrect syntax near the keyword 'MERGE'.", 15)
    if upper == "DM_EXEC_DESCRIBE_FIRST_RESULT_SET" and not options.describe:
        raise SqlError(208, "Invalid object name 'sys.dm_exec_describe_first_result_set'.")
    if upper == "SECURITY" and after == "POLICY" and not options.row_level_security:
        raise SqlError(102, "Incorrect syntax near 'SECURITY'.", 15)
    if upper == "COLLATE" and after.endswith("_UTF8") and not options.utf8_collation:
        raise SqlError(448, f"Invalid collation '{parts[index + 1].text}'.", 16)


def _check_function(parts: Sequence[Token], index: int) -> None:
    """A name before a bracket must be a function SQL Server knows, where only a function can stand."""
    name = parts[index].text.lower()
    if name in SCALAR_NAMES or name.startswith("#"):
        return
    before = parts[index - 1] if index else None
    if before is None or before.kind == VARIABLE:
        return
    if before.text == "." or before.upper in {
        "INTO", "TABLE", "FROM", "JOIN", "UPDATE", "REFERENCES", "VIEW", "AS", "INDEX", "CONSTRAINT", "WITH", "ON",
        "EXEC", "EXECUTE", "INSERT", "KEY", "FUNCTION", "APPLY", "MERGE", "SCHEMA", "UNIQUE", "CLUSTERED",
    }:  # fmt: skip
        return
    end = closing(parts, index + 1)
    if end + 1 < len(parts) and parts[end + 1].upper == "AS" and end + 2 < len(parts) and parts[end + 2].text == "(":
        return  # another table expression of a WITH, with its columns
    if before.kind not in (WORD, "sign"):
        return  # an alias with its columns
    if before.text == ")":
        return
    raise SqlError(195, f"'{parts[index].text}' is not a recognized built-in function name.", 15)


def check_order(statements: Sequence[Statement]) -> None:
    """What must be alone in its batch."""
    for number, statement in enumerate(statements):
        for plain in _plains(statement):
            words = [token.upper for token in plain.tokens[:4]]
            alone = words[0] in {"CREATE", "ALTER"} and ("VIEW" in words or words[1:2] == ["SCHEMA"])
            if alone and (number or not isinstance(statement, Plain)):
                what = f"{words[0]} {'VIEW' if 'VIEW' in words else 'SCHEMA'}"
                raise SqlError(111, f"'{what}' must be the first statement in a query batch.", 15)


def _plains(statement: Statement) -> list[Plain]:
    if isinstance(statement, Plain):
        return [statement]
    if isinstance(statement, If):
        return _plains(statement.then) + (_plains(statement.otherwise) if statement.otherwise else [])
    if isinstance(statement, While):
        return _plains(statement.body)
    inside: list[Plain] = []
    for each in [*statement.statements, *(statement.handler or ())]:
        inside += _plains(each)
    return inside


BOOLEAN = (exp.Predicate, exp.And, exp.Or, exp.Not, exp.Boolean)


def check_tree(tree: exp.Expr) -> None:  # noqa: C901 - a table of cases, one branch each
    """Shapes of a query."""
    for select in tree.find_all(exp.Select):
        _check_select(select)
    for node in tree.find_all(exp.Subquery):
        if isinstance(node.parent, (exp.From, exp.Join)) and not node.alias:
            raise refused(")")
        inner = node.this
        if isinstance(inner, exp.Query) and inner.args.get("order") and not _bounded(inner):
            raise _ordered()
        if isinstance(inner, exp.Query) and (inner.args.get("with_") or inner.args.get("with")):
            raise SqlError(156, "Incorrect syntax near the keyword 'with'.", 15)
    for cte in tree.find_all(exp.CTE):
        if isinstance(cte.this, exp.Query) and cte.this.args.get("order") and not _bounded(cte.this):
            raise _ordered()
        if isinstance(cte.this, exp.Query) and (cte.this.args.get("with_") or cte.this.args.get("with")):
            raise SqlError(156, "Incorrect syntax near the keyword 'with'.", 15)
    for foreign in tree.find_all(exp.Interval, exp.Filter, exp.Array, exp.Lambda, exp.DPipe):
        raise refused(foreign.sql("tsql")[:30])
    for case in tree.find_all(exp.Case):
        for branch in case.args["ifs"]:
            if not case.this:
                _check_condition(branch.this)


def _ordered() -> SqlError:
    return SqlError(
        1033,
        "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table "
        "expressions, unless TOP, OFFSET or FOR XML is also specified.",
        15,
    )


def _bounded(query: exp.Expr) -> bool:
    return bool(query.args.get("limit") or query.args.get("offset"))


def _check_select(select: exp.Select) -> None:  # noqa: C901 - a table of cases, one branch each
    if group := select.args.get("group"):
        for each in group.expressions:
            if isinstance(each, exp.Literal):
                raise SqlError(
                    164, "Each GROUP BY expression must contain at least one column that is not an outer reference.", 15
                )
        if group.args.get("all") is True and not group.expressions:
            raise refused("all")
    for each in select.expressions:
        inner = each.this if isinstance(each, exp.Alias) else each
        if isinstance(inner, BOOLEAN):
            raise refused(_sign(inner))
        if isinstance(inner, exp.Star) and (inner.args.get("except_") or inner.args.get("except")):
            raise refused("except")
    for clause in ("where", "having"):
        if node := select.args.get(clause):
            _check_condition(node.this)
    for join in select.args.get("joins") or []:
        if join.args.get("on") is not None:
            _check_condition(join.args["on"])


def _sign(node: exp.Expr) -> str:
    signs: dict[type[exp.Expr], str] = {
        exp.EQ: "=",
        exp.GT: ">",
        exp.LT: "<",
        exp.NEQ: "<",
        exp.GTE: ">",
        exp.LTE: "<",
        exp.Is: "is",
    }
    return signs.get(type(node), node.key)


def _check_condition(node: exp.Expr) -> None:
    """A condition must compare something: SQL Server has no boolean columns."""
    while isinstance(node, (exp.Paren, exp.Not)):
        node = node.this
    if isinstance(node, (exp.And, exp.Or)):
        _check_condition(node.left)
        _check_condition(node.right)
    elif isinstance(node, (exp.Column, exp.Literal, exp.Boolean, exp.Cast)):
        raise SqlError(
            4145,
            "An expression of non-boolean type specified in a context where a condition is expected, near "
            f"'{node.sql('tsql')[:40]}'.",
            15,
        )


def check_view(tree: exp.Expr) -> None:
    """A view's body."""
    if isinstance(tree, exp.Query) and tree.args.get("order") and not _bounded(tree):
        raise _ordered()
    if tree.find(exp.Into):
        raise refused("into")
