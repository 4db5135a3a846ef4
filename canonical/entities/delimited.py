"""CSV files to sheets: preamble, header and rows, in any charset.

Belongs here: finding the header, and splitting rows by Arrow's reader. A row with another number of fields is broken
and is kept apart; it never shifts the rows after it.
Does not: numbers and times, which stay texts here (`reading`).
"""

from __future__ import annotations

import csv
import io

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from canonical.entities.model import Decode, Match
from canonical.entities.sheet import FileFaultError, Sheet, sheet_of

_BLOCK = 8 * 2**20
_CUT = 2_000


def delimited(body: bytes, decode: Decode, match: Match) -> Sheet | None:
    """The rows of a CSV file; None where no row is the header. Raises: FileFaultError."""
    try:
        text = body.decode(decode.charset).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise FileFaultError("bad_file", f"byte {error.start} is not {decode.charset}: {error.reason}") from None
    lines = io.StringIO(text, newline="")
    found = _header(lines, decode, match)
    if found is None:
        return None
    place, header = found
    return _rows(text[lines.tell() :], place, header, decode)


def _header(lines: io.StringIO, decode: Decode, match: Match) -> tuple[int, list[str]] | None:
    """Row number and texts of the header; `lines` is left just behind it."""
    rows = csv.reader(lines, delimiter=decode.delimiter, quotechar=decode.quote)
    try:
        for place, row in zip(range(1, decode.look_in + 1), rows, strict=False):
            if match.header(row):
                return place, row
    except csv.Error as error:
        raise FileFaultError("bad_file", f"no CSV: {error}") from None
    return None


def _rows(text: str, above: int, header: list[str], decode: Decode) -> Sheet:
    names = [f"c{place}" for place in range(len(header))]
    broken: list[tuple[int, str, str]] = []
    blank: set[int] = set()

    def keep_apart(row: pa_csv.InvalidRow) -> str:
        number = above + int(row.number)
        if row.text.strip():
            says = f"{row.actual_columns} fields where the header has {row.expected_columns}"
            broken.append((number, says, row.text[:_CUT]))
        else:
            blank.add(number)
        return "skip"

    if not text:
        return sheet_of(header, pa.array([], pa.int64()), [pa.array([], pa.string()) for _ in names])
    try:
        table = pa_csv.read_csv(
            io.BytesIO(text.encode()),
            # One thread: only then a broken row knows its number.
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=names, block_size=max(_BLOCK, len(text))),
            parse_options=pa_csv.ParseOptions(
                delimiter=decode.delimiter,
                quote_char=decode.quote,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=keep_apart,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise FileFaultError("bad_file", f"no CSV: {error}") from None
    apart = {number for number, _, _ in broken} | blank
    numbers = np.arange(above + 1, above + 1 + table.num_rows + len(apart))
    whole = numbers[~np.isin(numbers, list(apart))] if apart else numbers
    columns = [table[name].combine_chunks() for name in names]
    if blank:  # an empty line is a blank row, which is counted like any other
        whole = np.concatenate([whole, sorted(blank)])
        columns = [pa.concat_arrays([column, pa.nulls(len(blank), pa.string())]) for column in columns]
    return sheet_of(header, pa.array(whole, pa.int64()), columns, broken)
