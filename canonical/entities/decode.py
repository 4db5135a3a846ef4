"""The bytes of a landed file to a sheet: what kind of file it is, and who reads it.

Belongs here: undoing gzip, telling formats apart (by their first bytes, then by name), and Parquet.
Does not: other formats (`delimited`, `workbook`, `documents`).
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable
from pathlib import PurePosixPath

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from canonical import sql
from canonical.entities.delimited import delimited
from canonical.entities.documents import documents
from canonical.entities.engine import connection
from canonical.entities.model import Decode, Format, Match
from canonical.entities.sheet import FileFaultError, Sheet, sheet_of
from canonical.entities.workbook import workbook

LARGEST = 512 * 2**20
"""Bytes of a file after gzip is undone: a small file may not fill the memory."""

_GZIP, _ZIP, _OLE, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"
_BY_NAME: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson",
    ".xls": "excel", ".xlsx": "excel", ".parquet": "parquet",
}  # fmt: skip


def unpacked(body: bytes, largest: int = LARGEST) -> bytes:
    """The bytes without gzip. Raises: FileFaultError where they are broken or too many."""
    if not body.startswith(_GZIP):
        found = body
    else:
        try:
            with gzip.open(io.BytesIO(body)) as file:
                found = file.read(largest + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise FileFaultError("bad_file", f"broken gzip: {error}") from None
    if len(found) > largest:
        raise FileFaultError("too_large", f"more than {largest:,} bytes; split the file")
    return found


def format_of(body: bytes, path: str, formats: Iterable[Format]) -> Format | None:
    """Which of `formats` the unpacked bytes are; None where they are another."""
    allowed = list(formats)
    if body.startswith((_ZIP, _OLE)):
        told: Format | None = "excel"
    elif body.startswith(_PARQUET):
        told = "parquet"
    else:
        name = PurePosixPath(path.lower().removesuffix(".gz"))
        told = _BY_NAME.get(name.suffix)
        if told is None:  # a name that says nothing: the first that is text
            told = next((one for one in allowed if one in {"csv", "json", "ndjson"}), None)
    return told if told in allowed else None


def sheet(body: bytes, path: str, decode: Decode, match: Match, asked: Iterable[str] = ()) -> Sheet | None:
    """Rows of unpacked bytes; None where the file is of another kind or has other columns. Raises: FileFaultError.

    `asked` are the headers that a spec reads, for formats where a header may lead into a field.
    """
    match format_of(body, path, decode.formats):
        case "csv":
            return delimited(body, decode, match)
        case "excel":
            return workbook(body, decode, match)
        case "json":
            return documents(body, decode, match, asked, lines=False)
        case "ndjson":
            return documents(body, decode, match, asked, lines=True)
        case "parquet":
            return _parquet(body, match)
    return None


def _parquet(body: bytes, match: Match) -> Sheet | None:
    try:
        found = pq.read_table(io.BytesIO(body))
        header = found.column_names
        if not match.header(header):
            return None
        found.validate(full=True)  # Arrow takes any bytes for a text until somebody looks
        with connection() as db:
            db.register("given", found.rename_columns([f"c{place}" for place in range(len(header))]))
            fields = ", ".join(f"cast({sql.name(f'c{place}')} as varchar) as c{place}" for place in range(len(header)))
            texts = db.sql(f"select {fields} from given").to_arrow_table()
    except (pa.ArrowException, OSError, UnicodeDecodeError, duckdb.DataError, duckdb.InvalidInputException) as error:
        raise FileFaultError("bad_file", f"no Parquet: {error}") from None
    columns = [texts[f"c{place}"].combine_chunks() for place in range(len(header))]
    return sheet_of(header, pa.array(range(1, found.num_rows + 1), pa.int64()), columns)
