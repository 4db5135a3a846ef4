"""Files to the desk: opened one by one, their rows judged many files at a time.

Belongs here: gathering files of one spec and header until they are worth a statement, and the line of every file.
Does not: opening a file or judging a row (`canonical.entities.reading`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa

from canonical.entities.history import Histories
from canonical.entities.reading import FileRead, judge_rows
from quality.contracts.arrow import arrow_schema
from quality.contracts.entity_tables import ENTITY_FILES

_WAITING_ROWS = 200_000
"""Rows that wait to be judged: memory follows this and the largest file, not the number of files."""
_COUNTED = {"accepted", "quarantined", "skipped", "reasons"}
_LINE = pa.schema(
    [*(field for field in arrow_schema(ENTITY_FILES) if field.name not in _COUNTED), ("message", pa.string())]
)

File = dict[str, str]


class Reader:
    """Takes files as specs open them; after `close` the desk has their rows, `line` a row a file and spec."""

    def __init__(self, db: duckdb.DuckDBPyConnection, desk: Histories) -> None:
        self._db, self._desk = db, desk
        self._waiting: dict[tuple[str, tuple[str, ...]], list[tuple[File, FileRead]]] = defaultdict(list)
        self._rows = 0
        self._lines: list[dict[str, Any]] = []

    def add(self, file: File, reads: list[FileRead]) -> None:
        """One file (feed, path, content_hash) as each spec opened it."""
        for read in reads:
            if read.sheet is None or read.spec is None:
                self._lines.append(_line(file, read, {}))
                continue
            self._waiting[read.spec.id, read.sheet.header].append((file, read))
            self._rows += read.sheet.row_count
        if self._rows >= _WAITING_ROWS:
            self._judge()

    def close(self) -> None:
        """Judge what waits, and lay out the lines."""
        self._judge()
        self._db.register("_lines", pa.Table.from_pylist(self._lines, schema=_LINE))
        self._db.execute("create table line as from _lines")
        self._db.unregister("_lines")

    def _judge(self) -> None:
        for waiting in self._waiting.values():
            self._together(waiting)
        self._waiting.clear()
        self._rows = 0

    def _together(self, waiting: list[tuple[File, FileRead]]) -> None:
        """Judge files of one spec and header; one that cannot be judged is found by halving and is refused alone."""
        files, reads = [file for file, _ in waiting], [read for _, read in waiting]
        assert reads[0].spec is not None, "only files with a spec wait"
        try:
            rows, terms = judge_rows(self._db, reads)
        except (duckdb.DataError, duckdb.InvalidInputException) as error:
            if len(waiting) == 1:
                refused = replace(reads[0], sheet=None, fault="bad_file", message=f"its rows cannot be judged: {error}")
                self._lines.append(_line(files[0], refused, {}))
                return
            half = len(waiting) // 2
            self._together(waiting[:half])
            self._together(waiting[half:])
            return
        self._desk.add(files, reads[0].spec, rows)
        self._lines += map(_line, files, reads, terms)


def _line(file: File, read: FileRead, terms: dict[str, int]) -> dict[str, Any]:
    return {
        **file,
        "mapping_id": read.spec.id if read.spec else "",
        "entity": read.spec.entity if read.spec else "",
        "digest": read.spec.digest if read.spec else "",
        "effective_at": read.effective_at,
        "missing_columns": list(read.missing_columns),
        "unmapped_columns": list(read.unmapped_columns),
        "unknown_terms": list(terms.items()),
        "fault": read.fault,
        "message": read.message,
        "row_count": read.sheet.row_count if read.sheet else 0,
    }
