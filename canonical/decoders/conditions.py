"""Conditions on a field, as SQL.

Belongs here: `when` of readings and of layouts.
Does not: which entries are records (`json_entries`), or which mapping reads an event (`canonical.routing`).
"""

from __future__ import annotations

import re

from canonical import sql
from canonical.decoders.cell import Cell, part_of
from canonical.spec.readings import When

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def is_one_of(cell: Cell, texts: tuple[str, ...]) -> str:
    """Whether the field is written as one of the texts, or is the same number; never NULL."""
    tests = [f"coalesce({cell.written} IN ({sql.texts(texts)}), false)"]
    numbers = [text for text in texts if _NUMBER.fullmatch(text)]
    if numbers:
        tests.append(f"coalesce({cell.number} IN ({', '.join(sql.number(float(text)) for text in numbers)}), false)")
    return f"({' OR '.join(tests)})"


def holds(when: When, cell: Cell) -> str:
    """Whether the condition holds; never NULL."""
    cell = part_of(cell, when.pattern)
    tests = []
    if when.given is not None:
        tests.append(cell.given if when.given else f"NOT {cell.given}")
    if when.is_:
        tests.append(is_one_of(cell, when.is_))
    if when.not_:
        tests.append(f"NOT {is_one_of(cell, when.not_)}")
    return f"({' AND '.join(tests)})"
