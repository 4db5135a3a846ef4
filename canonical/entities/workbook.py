"""Excel workbooks, old (XLS) and new (XLSX), to sheets.

Belongs here: choosing the sheet, and cells as texts. A whole number is written without a point, because Excel has no
other numbers; dates are ISO.
Does not: numbers and times as values (`reading`). Cells come from the reader one by one: a workbook has at most a
million rows, and is a few thousand in practice.
"""

from __future__ import annotations

import io
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from canonical.entities.model import Decode, Match, plain
from canonical.entities.sheet import FileFaultError, Sheet, sheet_of


def workbook(body: bytes, decode: Decode, match: Match) -> Sheet | None:
    """Rows of the first sheet that is wanted and has the header; None where there is none. Raises: FileFaultError."""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(body))
        for name in book.sheet_names:
            if not _wanted(name, decode):
                continue
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            found = _sheet(rows, decode, match)
            if found is not None:
                return found
    except PasswordError:
        raise FileFaultError("bad_file", "the workbook is protected by a password") from None
    except (CalamineError, OSError, ValueError) as error:
        raise FileFaultError("bad_file", f"no workbook: {error}") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what a defect in a reader written in Rust looks like here
            raise
        raise FileFaultError("bad_file", "the reader of workbooks gave up on it") from None
    return None


def _wanted(name: str, decode: Decode) -> bool:
    return not decode.sheet or any(fnmatchcase(plain(name), plain(pattern)) for pattern in decode.sheet)


def _sheet(rows: list[list[Any]], decode: Decode, match: Match) -> Sheet | None:
    for place, row in enumerate(rows[: decode.look_in]):
        header = [text(cell) for cell in row]
        if match.header(header):
            below = rows[place + 1 :]
            cells = zip(*below, strict=True) if below else ([] for _ in header)
            columns = [pa.array([text(cell) for cell in column], pa.string()) for column in cells]
            return sheet_of(header, pa.array(range(place + 2, len(rows) + 1), pa.int64()), columns)
    return None


def text(cell: Any) -> str:
    """A cell as a person would write it down."""
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 2**53:
            return str(int(cell))
        case datetime() | date():
            return cell.isoformat()
        case _:
            return str(cell)
