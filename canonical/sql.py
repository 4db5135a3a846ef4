"""Literals and names as SQL text.

Belongs here: quoting, so that no text of a mapping spec can be read as SQL.
Does not: any query.
"""

from __future__ import annotations

from collections.abc import Iterable


def text(value: str | None) -> str:
    """A text literal, or a typed NULL."""
    if value is None:
        return "NULL::VARCHAR"
    return "'" + value.replace("'", "''") + "'"


def number(value: float | None) -> str:
    """A DOUBLE literal that reads back to the same bits, or a typed NULL."""
    return "NULL::DOUBLE" if value is None else f"'{float(value)!r}'::DOUBLE"


def integer(value: int) -> str:
    """A BIGINT literal."""
    return f"{value}::BIGINT"


def boolean(*, value: bool) -> str:
    """A BOOLEAN literal."""
    return "true" if value else "false"


def texts(values: Iterable[str]) -> str:
    """A list of texts, for IN or as a list; never empty (an empty IN is no SQL)."""
    return ", ".join(text(value) for value in values) or text(None)


def name(value: str) -> str:
    """A quoted identifier."""
    return '"' + value.replace('"', '""') + '"'
