"""Whether two answers are the same answer, whatever made them.

Belongs here: rows in an order of their own, what counts as equal, and words for what is not.
Does not: asking anybody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = tuple[Any, ...]
_PLAIN: dict[type, Callable[[Any], Any]] = {
    bool: int,
    Decimal: float,
    # A mean of 20 is 20, and one server's date is another's midnight.
    datetime: lambda moment: moment.date() if moment.time() == datetime.min.time() else moment,
}


def comparable(rows: Iterable[Row]) -> list[Row]:
    """Rows of plain values, sorted by what is exact before what was computed."""
    made = [tuple(_PLAIN.get(type(value), lambda same: same)(value) for value in row) for row in rows]
    return sorted(made, key=lambda row: (repr([v for v in row if not isinstance(v, float)]), _computed(row)))


def differences(found: list[Row], wanted: list[Row]) -> list[str]:
    """What is not alike, in words; both have been made comparable."""
    if len(found) != len(wanted):
        missing, strange = (
            [row for row in left if row not in right] for left, right in ((wanted, found), (found, wanted))
        )
        return [f"{len(found)} rows, not {len(wanted)}; only found: {strange[:3]}; only wanted: {missing[:3]}"]
    pairs = zip(found, wanted, strict=True)
    return [f"{left}, not {right}" for left, right in pairs if not _same_row(left, right)]


def _computed(row: Row) -> list[float]:
    return [value for value in row if isinstance(value, float)]


def _same_row(left: Row, right: Row) -> bool:
    return len(left) == len(right) and all(_same(one, other) for one, other in zip(left, right, strict=True))


def _same(one: Any, other: Any) -> bool:
    """Floats to 1e-9; a whole number and a float are the same kind, all else is exact."""
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    if numbers and (isinstance(one, float) or isinstance(other, float)):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)
