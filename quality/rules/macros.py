"""The row rules as SQL.

Belongs here: rendering rules as DuckDB macros over the columns of their stage, and the calls of those macros.
Does not: the rules (`quality.rules.row`), or what the columns are made of (`canonical`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from quality.rules.row import COLUMNS, RULES, SHOWN_CHARACTERS, Rule, Stage


def of_stage(stage: Stage, rules: Iterable[Rule] = RULES) -> tuple[Rule, ...]:
    """The rules of one stage in their order; a rule's number is its place in this."""
    return tuple(rule for rule in rules if rule.stage == stage)


def macros(rules: Sequence[Rule] = RULES) -> list[str]:
    """The rules as DuckDB macros, four a stage.

    `<stage>_fault(columns…)` is the number of the first rule that fails, NULL for none; `<stage>_says`, `_field` and
    `_value` take that number before the columns.
    """
    statements = []
    for stage, columns in COLUMNS.items():
        own = of_stage(stage, rules)
        parameters = ", ".join(columns)
        whens = " ".join(f"WHEN {rule.fails} THEN {number}" for number, rule in enumerate(own))
        statements.append(f"CREATE TEMP MACRO {stage}_fault({parameters}) AS (CASE {whens} END)::TINYINT")
        answers = {
            "says": [_concat(rule.says) for rule in own],
            "field": [rule.field for rule in own],
            "value": [f"left({rule.value}, {SHOWN_CHARACTERS})" for rule in own],
        }
        for answer, expressions in answers.items():
            cases = " ".join(f"WHEN {number} THEN {sql}" for number, sql in enumerate(expressions))
            body = f"(CASE fault {cases} END)::VARCHAR"
            statements.append(f"CREATE TEMP MACRO {stage}_{answer}(fault, {parameters}) AS {body}")
    return statements


def fault(stage: Stage, **columns: str) -> str:
    """SQL: the number of the first rule that fails; columns as expressions, those no rule asks for left out."""
    asked = {name for rule in of_stage(stage) for name in re.findall(r"\w+", rule.fails)} & set(COLUMNS[stage])
    if wrong := (asked - set(columns)) | (set(columns) - set(COLUMNS[stage])):
        raise KeyError(f"columns of stage '{stage}' missing or unknown: {', '.join(sorted(wrong))}")
    return f"{stage}_fault({', '.join(columns.get(name, 'NULL') for name in COLUMNS[stage])})"


def explanation(stage: Stage, table: str, known: Collection[str]) -> str:
    """A SELECT over a table of refused rows (fault and the columns `known`): says, field and value, row by row."""
    arguments = ", ".join(["fault", *(name if name in known else "NULL" for name in COLUMNS[stage])])
    answers = ", ".join(f"{stage}_{answer}({arguments}) AS {answer}" for answer in ("says", "field", "value"))
    return f"SELECT {answers} FROM {table}"


def _concat(says: str) -> str:
    """A message template as an SQL expression; what is not known reads `?`."""
    parts = []
    for place, part in enumerate(re.split(r"\{(\w+)\}", says)):
        if place % 2:
            parts.append(f"coalesce(left({part}::VARCHAR, {SHOWN_CHARACTERS}), '?')")
        elif part:
            parts.append("'" + part.replace("'", "''") + "'")
    return "concat(" + ", ".join(parts) + ")"
