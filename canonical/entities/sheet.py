"""What every kind of file is brought to: a header and rows of texts.

Belongs here: the shape, and the fault of a file that cannot be brought to it.
Does not: any format (`decode`), or what the texts mean (`reading`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

BROKEN = pa.schema([("row_number", pa.int64()), ("message", pa.string()), ("raw", pa.string())])


class FileFaultError(Exception):
    """The file as a whole cannot be read; `code` is one of `quality.contracts.entity_tables`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Sheet:
    """A header, rows as texts under columns `c0`, `c1`, … with their `row_number`, and the rows that are broken."""

    header: tuple[str, ...]
    rows: pa.Table
    broken: pa.Table

    @property
    def row_count(self) -> int:
        """Rows, broken ones too."""
        return int(self.rows.num_rows + self.broken.num_rows)


def sheet_of(
    header: Sequence[str], numbers: pa.Array, columns: Sequence[pa.Array], broken: Iterable[tuple[int, str, str]] = ()
) -> Sheet:
    """A sheet from its columns; a null is a blank."""
    names = ["row_number", *(f"c{place}" for place in range(len(header)))]
    bad = [dict(zip(BROKEN.names, row, strict=True)) for row in broken]
    return Sheet(
        tuple(header), pa.Table.from_arrays([numbers, *columns], names=names), pa.Table.from_pylist(bad, schema=BROKEN)
    )
