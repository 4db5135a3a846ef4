"""A CSV file laid out: delimiter, header, decimal sign, rows.

Belongs here: finding these four by looking at all lines together.
Does not: telling that a file is CSV (`samples`), or what its columns mean (`roles`).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from canonical.proposal.samples import SamplesError

_BLANKS = "whitespace"
_DELIMITERS = (";", "\t", "|", ",", _BLANKS)
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_POINT = re.compile(r"[+-]?[0-9]+\.[0-9]+")
_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as it lies in a file; `lines` are the rows as they stand there, without the header."""

    delimiter: str
    decimal: str
    columns: tuple[str, ...]
    header: str | None
    lines: tuple[str, ...]
    unsure: tuple[str, ...]

    def records(self) -> list[dict[str, str]]:
        """Each row as column to text, blanks around it taken away."""
        return [
            {name: cell.strip() for name, cell in zip(self.columns, cells, strict=True)}
            for cells in _cells(self.lines, self.delimiter)
            if len(cells) == len(self.columns)
        ]


def rows_of(text: str, most: int) -> Rows:
    """The table in a text. Raises: SamplesError where the lines are no table."""
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()][: most + 1]
    delimiter, width = _delimiter(lines)
    table = _cells(lines, delimiter)
    unsure = []
    short = sum(len(cells) != width for cells in table)
    if short:
        unsure.append(f"{short} of {len(table)} lines have not {width} columns; such rows will be rejected")
    header = lines[0] if len(table) > 1 and _is_header(table[0], table[1:]) else None
    first = [cell.strip() for cell in table[0]]
    if header is None:
        columns = [f"column{number}" for number in range(1, width + 1)]
        unsure.append("the file has no line that names its columns: name them here, in their order")
    else:
        columns = _unique(first)
        if columns != first:
            unsure.append("columns without a name, or with a name that is there twice, were numbered")
    body = tuple(lines[1:] if header else lines)
    cells = [cell.strip() for line in table[int(header is not None) :][:_LOOKED_AT] for cell in line]
    commas, points = (sum(bool(kind.fullmatch(cell)) for cell in cells) for kind in (_COMMA, _POINT))
    if commas and points:
        unsure.append(f"{commas} numbers are written with a decimal comma and {points} with a point")
    return Rows(delimiter, "," if commas > points else ".", tuple(columns), header, body, tuple(unsure))


def _delimiter(lines: list[str]) -> tuple[str, int]:
    """The delimiter that gives most lines the same number of columns, and that number."""
    best: tuple[float, int, str] | None = None
    blank = [cell for line in lines[:_LOOKED_AT] for cell in line.split()]
    decimal = any("," in cell for cell in blank) and all(_COMMA.fullmatch(cell) for cell in blank if "," in cell)
    for delimiter in _DELIMITERS:
        if delimiter == "," and decimal and len(blank) > len(lines[:_LOOKED_AT]):
            continue  # each comma is in a number, and blanks part the numbers
        widths = Counter(len(cells) for cells in _cells(lines[:_LOOKED_AT], delimiter))
        width, count = widths.most_common(1)[0]
        share = count / widths.total()
        # A comma may be the decimal sign, so it is asked last and has to be better.
        if width > 1 and (best is None or share > best[0] + 0.05):
            best = (share, width, delimiter)
    if best is None or best[0] < 0.5:
        raise SamplesError(
            "the file is neither JSON nor SenML nor hex or base64, and its lines are no table of columns"
        )
    return best[2], best[1]


def _cells(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The rows as they are parted; any run of blanks and tabs parts them where the delimiter is `whitespace`."""
    if delimiter == _BLANKS:
        return [line.split() for line in lines]
    return list(csv.reader(lines, delimiter=delimiter))


def _is_header(first: list[str], others: list[list[str]]) -> bool:
    """A header holds no number, and at least one column below it is all numbers (or it looks like nothing below)."""
    names = [cell.strip() for cell in first]
    if any(_NUMBER.fullmatch(name) for name in names) or not any(names):
        return False
    below = [[row[place].strip() for row in others[:_LOOKED_AT] if place < len(row)] for place in range(len(names))]
    return any(any(_NUMBER.fullmatch(cell) for cell in cells) for cells in below) or all(
        name not in cells for name, cells in zip(names, below, strict=True)
    )


def _unique(names: list[str]) -> list[str]:
    found: list[str] = []
    for place, name in enumerate(names, start=1):
        plain = re.sub(r'["\\*$]', "", name) or f"column{place}"
        found.append(plain if plain not in found else f"{plain}_{place}")
    return found
