"""KQL with what is no code blanked out, so that words and brackets can be found where they mean something.

Belongs here: strings, remarks, brackets, the operators of a query.
Does not: any rule (`rules`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_QUIET = re.compile(
    r"""[hH]?(?:@'(?:''|[^'])*'|@"(?:""|[^"])*"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|```.*?```)|//[^\n]*""",
    re.DOTALL,
)
_OPEN, _CLOSE = "([{", ")]}"


def masked(text: str) -> str:
    """`text` with strings and remarks as blanks, line ends kept: every offset stays what it was."""
    return _QUIET.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


@dataclass(frozen=True)
class Part:
    """A stretch of a text and where it begins."""

    text: str
    start: int


def split(text: str, separator: str, start: int = 0) -> list[Part]:
    """A masked text, cut at `separator` outside brackets, without blanks at the ends; offsets count from `start`."""
    cuts, depth = [-1], 0
    for position, sign in enumerate(text):
        if sign in _OPEN:
            depth += 1
        elif sign in _CLOSE:
            depth -= 1
        elif sign == separator and depth == 0:
            cuts.append(position)
    cuts.append(len(text))
    parts = []
    for before, end in pairwise(cuts):
        piece = text[before + 1 : end]
        parts.append(Part(piece.strip(), start + before + 1 + len(piece) - len(piece.lstrip())))
    return parts
