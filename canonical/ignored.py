"""Fields that a mapping knows about: those it reads, and those it ignores.

Belongs here: whether a path or a pattern covers a field. `*` stands for any part of one key, `[*]` for any element;
what lies below a covered field is covered too.
Does not: what becomes of the others (`examples`, `spec_checks`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache


def covers(patterns: Iterable[str], field: str) -> bool:
    """Whether one of the patterns is the field, or something it lies in."""
    return any(_expression(pattern).match(field) is not None for pattern in patterns)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\[\*\]|\[@index\]|\*)", pattern.replace("['", ".").replace("']", "").lstrip("."))
    made = "".join(
        r"\[(?:\d+|\*)\]" if part in {"[*]", "[@index]"} else r"[^.\[\]]*" if part == "*" else re.escape(part)
        for part in parts
    )
    return re.compile(rf"{made}(?:$|[.\[])")
