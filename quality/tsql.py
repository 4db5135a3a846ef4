"""T-SQL that parses and fails on SQL Server all the same: rules, each with an example that breaks it.

Belongs here: what is judged in one compiled statement, by its tokens and its tree.
Does not: compiling (`dbt compile --target sqlserver --no-introspect --no-populate-cache`), or what the models promise
(`quality.marts`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token
from sqlglot.tokens import Tokenizer

DIALECT = "tsql"
_CALLED = """
    abs avg cast ceiling charindex coalesce concat convert count count_big dateadd datediff datefromparts
    datename datepart day dense_rank eomonth exp first_value floor greatest hashbytes iif isnull lag last_value
    lead least left len log lower ltrim max min month ntile nullif patindex percentile_cont power rank replace
    right round row_number rtrim sign sp_executesql sqrt stdev stdevp string_agg substring sum switchoffset
    sysutcdatetime todatetimeoffset trim try_cast try_convert upper var varp year
"""
_BEFORE_BRACKETS = """
    all and any as between binary by case char datetime2 decimal else exists float from having identity in join
    label like nchar not numeric nvarchar on option or over partition select some then time top union values
    varbinary varchar when where with within
"""
FUNCTIONS = frozenset(_CALLED.split())
"""Functions of SQL Server 2022 and Azure SQL that models may call; one that is missing is to be looked up first."""
_NO_CALL = frozenset(_BEFORE_BRACKETS.split())
"""Words before a bracket that are no functions."""


@dataclass(frozen=True)
class Statement:
    """A compiled statement as text, as tokens and as a tree."""

    sql: str
    tokens: list[Token]
    tree: exp.Expr


@dataclass(frozen=True)
class Rule:
    """What is broken, in a sentence, with the words to put in its place and an example that breaks it."""

    code: str
    says: str
    example: str
    found: Callable[[Statement], Iterator[str]]


@dataclass(frozen=True)
class Finding:
    """A broken rule and the words that break it."""

    code: str
    says: str
    words: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.code}: {self.says} Found: {self.words}"


def _words(*patterns: str) -> Callable[[Statement], Iterator[str]]:
    """Rule on sequences of tokens, written as regular expressions over their texts, one blank between two."""
    compiled = [re.compile(rf"(?:^| )({pattern})(?= |$)", re.IGNORECASE) for pattern in patterns]

    def found(statement: Statement) -> Iterator[str]:
        line = " ".join(_code(token) for token in statement.tokens)
        for pattern in compiled:
            yield from (match[1] for match in pattern.finditer(line))

    return found


def _code(token: Token) -> str:
    """The token's text; names and texts in quotes count as something that is no word."""
    if token.token_type.name in {"STRING", "NATIONAL_STRING"}:
        return "''"
    return '""' if token.token_type.name == "IDENTIFIER" else token.text.replace(" ", "_")


def _unknown_functions(statement: Statement) -> Iterator[str]:
    for token, following in zip(statement.tokens, statement.tokens[1:], strict=False):
        name = token.text.lower()
        is_word = token.token_type.name not in {"STRING", "IDENTIFIER"} and re.fullmatch(r"[a-z_]\w*", name)
        if following.text == "(" and is_word and name not in FUNCTIONS | _NO_CALL | _names_of_ctes(statement):
            yield f"{name}("


def _names_of_ctes(statement: Statement) -> frozenset[str]:
    return frozenset(cte.alias.lower() for cte in statement.tree.find_all(exp.CTE))


_CONDITION = (exp.Predicate, exp.Connector, exp.Not)


def _selected_conditions(statement: Statement) -> Iterator[str]:
    for select in statement.tree.find_all(exp.Select):
        for column in select.expressions:
            value = column.unalias()
            while isinstance(value, exp.Paren):
                value = value.this
            if isinstance(value, _CONDITION) and not isinstance(value, exp.Case):
                yield column.sql(DIALECT)


def _columns_as_conditions(statement: Statement) -> Iterator[str]:
    for node in statement.tree.walk():
        operands: list[exp.Expr | None] = []
        if isinstance(node, (exp.Where, exp.Having)):
            operands = [node.this]
        elif isinstance(node, exp.Join):
            operands = [node.args.get("on")]
        elif isinstance(node, exp.If) and isinstance(node.parent, exp.Case) and node.parent.this is None:
            operands = [node.this]
        elif isinstance(node, exp.Connector):
            operands = [node.left, node.right]
        elif isinstance(node, exp.Not):
            operands = [node.this]
        for operand in operands:
            bare = operand.unnest() if operand is not None else None
            if isinstance(bare, (exp.Column, exp.Boolean, exp.Literal)):
                yield bare.sql(DIALECT)


def _ordinals(statement: Statement) -> Iterator[str]:
    for group in statement.tree.find_all(exp.Group):
        yield from (f"group by {item.sql()}" for item in group.expressions if isinstance(item, exp.Literal))


def _orders_of_inner_queries(statement: Statement) -> Iterator[str]:
    for select in statement.tree.find_all(exp.Select):
        inner = select.parent is not None
        if inner and select.args.get("order") and not select.args.get("limit") and not select.args.get("offset"):
            yield select.args["order"].sql(DIALECT).strip()


def _nested_withs(statement: Statement) -> Iterator[str]:
    for select in statement.tree.find_all(exp.Query):
        if select.parent is not None and select.args.get("with_"):
            yield select.args["with_"].sql(DIALECT)[:60]


def _unordered_ranks(statement: Statement) -> Iterator[str]:
    ranks = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)
    for window in statement.tree.find_all(exp.Window):
        if isinstance(window.this, ranks) and not window.args.get("order"):
            yield window.sql(DIALECT)


def _short_substrings(statement: Statement) -> Iterator[str]:
    for call in statement.tree.find_all(exp.Substring):
        if call.args.get("length") is None:
            yield call.sql(DIALECT)


def _aliases_of_the_same_select(statement: Statement) -> Iterator[str]:
    """Only where every source is a CTE that lists its columns: of tables nothing is known."""
    lists = {
        cte.alias: [column.alias_or_name for column in cte.this.selects]
        for cte in statement.tree.find_all(exp.CTE)
        if isinstance(cte.this, exp.Query)
    }
    for select in statement.tree.find_all(exp.Select):
        sources = [table.name for table in select.find_all(exp.Table) if table.parent_select is select]
        known = {name for source in sources for name in lists.get(source, ["*"])}
        made = {column.alias for column in select.expressions if isinstance(column, exp.Alias)} - known
        if "*" in known or not sources:
            continue
        for column in select.find_all(exp.Column):
            in_order = column.find_ancestor(exp.Order, exp.Select)
            own = column.parent_select is select and not column.table and not isinstance(in_order, exp.Order)
            if own and column.name in made:
                yield column.name


RULES: tuple[Rule, ...] = (
    Rule("limit", "There is no LIMIT: use TOP.", "select a from t limit 3", _words("limit")),
    Rule("cast", "`::` is no cast: use CAST.", "select a::int from t", _words("::")),
    Rule("concat", "`||` joins no texts: use CONCAT.", "select a || b as c from t", _words(r"\|\|")),
    Rule("boolean", "There is no TRUE, FALSE or BOOLEAN: use bit, 1 and 0.", "select true as a", _words("true|false")),
    Rule(
        "selected_condition",
        "A condition is no column: put it into CASE WHEN … THEN 1 ELSE 0 END.",
        "select a > 1 as b from t",
        _selected_conditions,
    ),
    Rule(
        "column_as_condition",
        "A column is no condition: compare it with 1.",
        "select a from t where is_weekend",
        _columns_as_conditions,
    ),
    Rule("ordinal", "GROUP BY takes no ordinals.", "select a, count(*) as n from t group by 1", _ordinals),
    Rule(
        "group_by_all",
        "GROUP BY ALL is not what it is elsewhere.",
        "select a from t group by all",
        _words("group_by all"),
    ),
    Rule(
        "inner_order",
        "Views, CTEs and subqueries have no ORDER BY without TOP.",
        "with c as (select a from t order by a) select a from c",
        _orders_of_inner_queries,
    ),
    Rule(
        "nulls_last",
        "There is no NULLS FIRST or LAST.",
        "select a from t order by a nulls last",
        _words("nulls (?:first|last)"),
    ),
    Rule(
        "nested_with",
        "WITH begins a statement, never a subquery or CTE.",
        "with c as (with d as (select a from t) select a from d) select a from c",
        _nested_withs,
    ),
    Rule(
        "unbounded_text",
        "A text without a length is 30 characters in CAST, and MAX is no key.",
        "select cast(a as varchar) as b from t",
        _words(r"n?varchar(?! \( \d)", r"n?char(?! \( \d)(?= \)|$)", "text(?= \\))", "string(?= \\))"),
    ),
    Rule(
        "type",
        "TIMESTAMP is a row version, DOUBLE needs PRECISION, and BOOL, UUID, HUGEINT are unknown.",
        "select cast(a as timestamp) as b from t",
        _words("as (?:timestamp|double|bool|boolean|uuid|hugeint|timestamptz)"),
    ),
    Rule("using", "JOIN … USING is unknown: write ON.", "select t.a from t join u using (a)", _words("using")),
    Rule(
        "qualify",
        "There is no QUALIFY.",
        "select a from t qualify row_number() over (order by a) = 1",
        _words("qualify"),
    ),
    Rule(
        "filter",
        "Aggregates take no FILTER: use CASE.",
        "select sum(a) filter (where b = 1) as c from t",
        _words(r"filter \("),
    ),
    Rule(
        "typed_literal",
        "DATE and TIMESTAMP literals are unknown: use CAST.",
        "select date '2026-01-01' as a",
        _words("(?:date|timestamp|interval) ''"),
    ),
    Rule(
        "star",
        "`*` takes no EXCLUDE, REPLACE or EXCEPT list.",
        "select * exclude (a) from t",
        _words(r"\* (?:exclude|replace|except) \("),
    ),
    Rule(
        "function",
        "No function of SQL Server, or one that nobody looked up yet.",
        "select strftime(a, '%Y') as b from t",
        _unknown_functions,
    ),
    Rule(
        "unordered_rank",
        "Ranks, LAG and LEAD need ORDER BY in their window.",
        "select row_number() over (partition by a) as n from t",
        _unordered_ranks,
    ),
    Rule(
        "short_substring", "SUBSTRING takes three arguments.", "select substring(a, 2) as b from t", _short_substrings
    ),
    Rule(
        "alias",
        "A column made in a SELECT cannot be used in the same SELECT.",
        "with c as (select a from t) select a + 1 as b, b * 2 as d from c",
        _aliases_of_the_same_select,
    ),
)


def findings(sql: str) -> list[Finding]:
    """What SQL Server would not take of one compiled statement."""
    try:
        tree = sqlglot.parse_one(sql, dialect=DIALECT)
    except SqlglotError as error:
        tree, why = exp.Select(), [Finding("syntax", "No T-SQL.", str(error).splitlines()[0])]
    else:
        why = []
    statement = Statement(sql, _tokens(sql), tree)
    return why + [Finding(rule.code, rule.says, words) for rule in RULES for words in rule.found(statement)]


def _tokens(sql: str) -> list[Token]:
    tokenizer: Tokenizer = sqlglot.Dialect.get_or_raise(DIALECT).tokenizer_class()
    return tokenizer.tokenize(sql)
