"""Tokens of one statement, spelt so that `sqlglot` reads them and the engine's macros get the functions.

Belongs here: variables to literals, functions to macros, date parts into names, hints and collations away.
Does not: the shape of the statement (`translate`), or what is refused (`rules`).
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from tds_endpoint.declared import Declared
from tds_endpoint.errors import SqlError, refused
from tds_endpoint.tsql.functions import DATE_PARTS, NILADIC, OF_MOMENTS, OURS, TAKES_PART
from tds_endpoint.tsql.lexer import BINARY, NAME, TEXT, VARIABLE, WORD, Token, arguments, closing

HINTS = frozenset(
    [
        "NOLOCK",
        "HOLDLOCK",
        "TABLOCK",
        "TABLOCKX",
        "UPDLOCK",
        "ROWLOCK",
        "PAGLOCK",
        "READPAST",
        "READUNCOMMITTED",
        "READCOMMITTED",
        "SERIALIZABLE",
        "SNAPSHOT",
        "NOEXPAND",
        "XLOCK",
        "NOWAIT",
        "REPEATABLEREAD",
        "FORCESEEK",
    ]
)
# What a name stands after, when a bracket behind it opens no arguments.
BEFORE_NAMES = frozenset(
    [".", "INTO", "TABLE", "FROM", "JOIN", "UPDATE", "REFERENCES", "VIEW", "AS", "INDEX", "CONSTRAINT", "WITH", "ON"]
)


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def literal(declared: Declared, value: Any) -> str:
    """A value as T-SQL writes it, with its type."""
    if value is None:
        inner = "NULL"
    elif isinstance(value, bool):
        inner = str(int(value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        return f"unhex('{bytes(value).hex()}')"
    elif isinstance(value, (int, Decimal, float)):
        inner = f"'{value!r}'" if isinstance(value, float) else str(value)
    elif isinstance(value, dt.datetime):
        inner = quoted(value.isoformat(" "))
    elif isinstance(value, (dt.date, dt.time, uuid.UUID)):
        inner = quoted(str(value))
    else:
        inner = quoted(str(value))
        if declared.name in {"varchar", "nvarchar"}:
            return inner
    return f"CAST({inner} AS {declared})"


class Rewriter:
    """One statement's tokens, with the values of its variables."""

    def __init__(self, variable: Callable[[str], str], describe: Callable[[Sequence[Token]], str]) -> None:
        self._variable = variable
        self._describe = describe

    def text(self, tokens: Sequence[Token]) -> str:
        """The statement again."""
        return " ".join(self._parts(tokens))

    def _parts(self, tokens: Sequence[Token]) -> list[str]:
        out: list[str] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            after = tokens[at + 1].text if at + 1 < len(tokens) else ""
            before = tokens[at - 1] if at else None
            if token.kind == VARIABLE:
                out.append(self._variable(token.text))
            elif token.kind == TEXT:
                out.append(quoted(token.value))
            elif token.kind == BINARY:
                out.append(f"unhex('{token.text[2:]}')")
            elif token.upper == "COLLATE":
                at += 1
            elif (token.upper == "OPTION" and after == "(") or (
                token.upper == "WITH" and after == "(" and tokens[at + 2].upper in HINTS
            ):
                at = closing(tokens, at + 1)
            elif after == "(" and self._is_function(token, before):
                end = closing(tokens, at + 1)
                if token.text.lower() == "dm_exec_describe_first_result_set":
                    del out[-2:]  # `sys .` before it
                out.append(self._call(token, tokens[at + 2 : end], before))
                at = end
            elif token.kind == WORD and token.text.lower() in NILADIC and (before is None or before.text != "."):
                out.append(NILADIC[token.text.lower()])
            else:
                out.append(token.text)
            at += 1
        return out

    def _is_function(self, token: Token, before: Token | None) -> bool:
        if token.kind == NAME:
            return False
        name = token.text.lower()
        known = name in OURS or name in TAKES_PART or name in {"convert", "try_convert", "cast", "try_cast"}
        if not known:
            return False
        # `sys.fn(…)` is a function as `fn(…)` is; `dbo.left (…)` would be a table's columns.
        return before is None or before.upper not in {"TABLE", "INTO", "REFERENCES", "CONSTRAINT", "INDEX"}

    def _call(self, token: Token, inside: Sequence[Token], before: Token | None) -> str:  # noqa: PLR0911 - a table of cases, one branch each
        name = token.text.lower()
        given = arguments(inside)
        if name in TAKES_PART:
            part = DATE_PARTS.get(given[0][0].text.lower()) if given and len(given[0]) == 1 else None
            if part is None:
                raise SqlError(155, f"'{given[0][0].text if given else ''}' is not a recognized {name} option.", 15)
            return f"ts_{name}_{part}({', '.join(self._texts(name, given[1:]))})"
        if name in {"convert", "try_convert"}:
            return self._convert(name, given)
        if name == "dm_exec_describe_first_result_set":
            return self._describe(given[0])
        if name.startswith("error_") or name == "xact_state":
            return self._variable(f"@@{name}")
        if name == "count_big":
            return f"count({self.text(inside)})"
        if name in {"cast", "try_cast"}:
            return f"{token.text}({self.text(inside)})"
        if inside and inside[0].upper == "DISTINCT" and name in {"sum", "avg"}:
            return f"{name}({self.text(inside)})"
        return f"ts_{name}({', '.join(self._texts(name, given))})"

    def _texts(self, name: str, given: list[list[Token]]) -> list[str]:
        texts = [self.text(each) for each in given]
        if name in OF_MOMENTS and texts:
            moments = len(texts) if name.startswith("datediff") else 1
            texts[:moments] = [f"ts_moment({text})" for text in texts[:moments]]
        return texts

    def _convert(self, name: str, given: list[list[Token]]) -> str:
        if len(given) not in {2, 3}:
            raise refused("convert")
        kind, value = " ".join(token.text for token in given[0]), self.text(given[1])
        cast = "TRY_CAST" if name.startswith("try") else "CAST"
        if len(given) == 3 and re.match(r"\[?n?(var)?char", kind, re.IGNORECASE):
            style = given[2][0].text
            if not style.isdigit():
                raise SqlError(50000, f"the endpoint wants a plain number as the style of {name}")
            value = f"ts_style_{style}({value if int(style) < 10 else f'ts_moment({value})'})"
        return f"{cast}({value} AS {kind})"
