"""What a decoder offers to the rest: a relation of rows and, for each field, SQL expressions over it.

Belongs here: the interface all formats share. A body that cannot be read gives a row with `body_fault`, never an error.
Does not: any format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from canonical import sql
from canonical.spec.readings import NumberFormat


@dataclass(frozen=True, slots=True)
class Cell:
    """One input field as SQL expressions over the decoded relation."""

    given: str
    """BOOLEAN, never NULL: it is there, and not null or blank."""
    number: str
    """DOUBLE, NULL where the field is no number; NaN and infinities as they are."""
    digits: str
    """VARCHAR, the number as text where a double would lose some of it; NULL where it is no number."""
    text: str
    """VARCHAR, the text itself; NULL where the field is no text (a number in JSON is none)."""
    name: str
    """VARCHAR, what can be an identifier: a text or a whole number; else NULL."""
    shown: str
    """VARCHAR, the field as it came, for a person."""
    written: str
    """VARCHAR, a text, number or boolean as one writes it, without quotes; NULL where it is a list or an object."""


def part_of(cell: Cell, pattern: str | None) -> Cell:
    """The first group of a pattern in what the field says; the field itself where there is no pattern."""
    if pattern is None:
        return cell
    text = f"nullif(regexp_extract({cell.written}, {sql.text(pattern)}, 1), '')"
    return Cell(
        given=f"({text} IS NOT NULL)",
        number=f"try_cast({text} AS DOUBLE)",
        digits=text,
        text=text,
        name=text,
        shown=cell.shown,
        written=text,
    )


class Decoder(Protocol):
    """Reads the bodies of one mapping."""

    def prepare(self, source: pa.Table) -> pa.Table:
        """What has to be done outside SQL; `source` has row, body and the columns that travel along."""

    def relation(self, source: str, keep: str) -> str:
        """A SELECT over table `source`: the columns `keep`, body_fault, body_detail and what the cells refer to."""

    def cell(self, path: str, manner: NumberFormat | None = None) -> Cell:
        """The field at a path of the spec; `manner` is how numbers are written in texts."""
