"""Rows as files: CSV in several manners, JSON, JSON lines, Parquet.

Belongs here: bytes, the same for the same rows.
Does not: which rows (`entities`).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]


def csv_bytes(rows: Sequence[Row], *, delimiter: str = ",", charset: str = "utf-8", above: str = "") -> bytes:
    """A header and rows; `above` is a title in a row above the header."""
    out = io.StringIO()
    header = list(rows[0])
    if above:
        out.write(delimiter.join(["", *[""] * (len(header) - 2), above]) + "\r\n")
    writer = csv.DictWriter(out, header, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(charset)


def json_bytes(document: Any) -> bytes:
    """One document."""
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def lines_bytes(rows: Sequence[Row]) -> bytes:
    """An object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet_bytes(rows: Sequence[Row]) -> bytes:
    """A Parquet file."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), out)
    return out.getvalue()


def gzipped(body: bytes) -> bytes:
    """The same bytes at any time of day."""
    return gzip.compress(body, mtime=0)


def place(folder: Path, name: str, body: bytes) -> None:
    """Write a file so that nobody sees half of it."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.part")
    unfinished.write_bytes(body)
    unfinished.replace(target)
