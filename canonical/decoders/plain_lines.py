"""Whether lines of CSV hold anything unusual, told from their bytes at once.

Belongs here: what a line has to be looked at twice for, as bytes of a whole column and as a pattern for one line. Most
files have none of it, and looking at all bytes together costs a tenth of looking at each line.
Does not: splitting (`csv_rows`).

Unusual are quotes, line breaks and other control characters, blanks around a field, and what DuckDB takes for part of
a number and a CSV does not: `1_000`, `+-1`, `nan(1)`, tabs around it.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

Bytes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint8]]"
Offsets: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"
_BLANK, _TAB, _FIRST_PRINTED = ord(" "), ord("\t"), ord(" ")


class PlainLines:
    """Knows unusual lines of files with one delimiter and one quote, each one character; bytes are UTF-8."""

    def __init__(self, delimiter: str, quote: str) -> None:
        self._delimiter = delimiter
        self._quote = quote

    @property
    def unusual(self) -> str:
        """Pattern (RE2): matches within every line that is unusual."""
        tab = "\\t" if self._delimiter != "\t" else ""
        signs = "" if self._delimiter == "_" else "|[0-9]_[0-9]"
        signs += "" if self._delimiter == "(" else r"|[nN]\("
        return rf"[{re.escape(self._quote)}{tab}\x00-\x08\x0a-\x1f]|\+-{signs}|{self.blanks}"

    @property
    def blanks(self) -> str:
        """Pattern (RE2): matches within a line that has a blank at the end of a field, unless blanks part fields."""
        if self._delimiter == " ":
            return "^ | $"
        delimiter = re.escape(self._delimiter)
        return f"^ | $|{delimiter} | {delimiter}"

    def are_all(self, lines: pa.ChunkedArray) -> bool:
        """Whether no line (a column of texts or bytes) is unusual; False where that cannot be told at once."""
        return all(self._are(chunk) for chunk in lines.chunks)

    def _are(self, lines: pa.Array) -> bool:
        offsets = _offsets(lines)
        if not len(offsets) or offsets[0] == offsets[-1]:
            return True
        content = lines.buffers()[2][int(offsets[0]) : int(offsets[-1])].to_pybytes()
        if self._quote.encode() in content:
            return False
        found: Bytes = np.frombuffer(content, np.uint8)
        controls = found[found < _FIRST_PRINTED] if found.min() < _FIRST_PRINTED else found[:0]
        if (controls != _TAB).any() or (len(controls) and self._delimiter != "\t"):
            return False
        return not (self._has_odd_numbers(content, found) or self._has_blanks(content, found, offsets.astype(np.int64)))

    def _has_odd_numbers(self, content: bytes, found: Bytes) -> bool:
        """Whether a number is written as DuckDB alone would read it; two neighbouring lines may look like that too."""
        if b"+" in content and b"+-" in content:
            return True
        if self._delimiter != "(" and b"(" in content and (b"n(" in content or b"N(" in content):
            return True
        if self._delimiter == "_" or b"_" not in content:
            return False
        between = np.flatnonzero(found[1:-1] == ord("_")) + 1
        return bool((_are_digits(found[between - 1]) & _are_digits(found[between + 1])).any())

    def _has_blanks(self, content: bytes, found: Bytes, offsets: Offsets) -> bool:
        if b" " not in content:
            return False
        starts, ends = offsets[:-1] - offsets[0], offsets[1:] - offsets[0]
        filled = ends > starts
        if (found[starts[filled]] == _BLANK).any() or (found[ends[filled] - 1] == _BLANK).any():
            return True
        if self._delimiter == " ":
            return False
        sign = self._delimiter.encode()
        return sign + b" " in content or b" " + sign in content


def _offsets(lines: pa.Array) -> Any:
    """Where each line begins in the buffer of bytes, and where the last one ends."""
    kind = np.int64 if pa.types.is_large_string(lines.type) or pa.types.is_large_binary(lines.type) else np.int32
    if not len(lines):
        return np.empty(0, kind)
    return np.frombuffer(lines.buffers()[1], kind)[lines.offset : lines.offset + len(lines) + 1]


def _are_digits(found: Bytes) -> Any:
    return (found >= ord("0")) & (found <= ord("9"))
