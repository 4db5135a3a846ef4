"""JSON objects to cells.

Belongs here: reading each body once, by itself, and being strict where the engine is lenient: a number in quotes, true
and a trailing comma are not what they look like. NaN and Infinity literals, which Python and others write, are read as
numbers that are not finite. Of a key written twice the first counts. Nothing is parsed across rows.
Does not: what the fields mean (`compilation`), or lists and entries (`json_records`, `json_entries`).
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from canonical import sql
from canonical.decoders.cell import Cell
from canonical.numbers import digits_of
from canonical.paths import json_path, place
from canonical.spec.readings import NumberFormat

__all__ = ["JsonObjects", "broken", "json_path", "raw_cell"]

_TRAILING_COMMA = r",[ \t\r\n]*[}\]]"
_STRING = r'"(\\.|[^"\\])*"'


def broken(text: str) -> str:
    """SQL: whether a comma stands before a closing bracket, which the engine overlooks."""
    comma, string = sql.text(_TRAILING_COMMA), sql.text(_STRING)
    # Texts may hold what looks like it, so they are emptied before it counts.
    emptied = f"regexp_replace({text}, {string}, '\"\"', 'gs')"
    return f"regexp_matches({text}, {comma}) AND regexp_matches({emptied}, {comma})"


def not_an_object(text: str) -> str:
    """SQL: whether valid JSON is anything but an object."""
    return f"NOT starts_with({text}, '{{') AND NOT regexp_matches({text}, '^[ \\t\\r\\n]*[{{]')"


def raw_cell(raw: str, manner: NumberFormat | None = None) -> Cell:
    """A field whose type is told by its raw JSON."""
    text = f"CASE WHEN starts_with({raw}, '\"') THEN {raw}->>'$' END"
    digits = raw
    if manner is not None and manner.quoted:
        quoted = digits_of(f"({raw}->>'$')", manner)
        digits = f"CASE WHEN starts_with({raw}, '\"') THEN {quoted} ELSE {raw} END"
    return Cell(
        given=f"coalesce({raw} <> 'null', false)",
        number=f"try_cast({digits} AS DOUBLE)",  # raw JSON keeps its quotes, so a text is no number
        digits=digits,
        text=text,
        name=f"CASE WHEN starts_with({raw}, '\"') THEN {raw}->>'$' "
        f"WHEN regexp_full_match({raw}, '-?[0-9]+') THEN {raw} END",
        shown=raw,
        written=f"CASE WHEN starts_with({raw}, '\"') THEN {raw}->>'$' "
        f"WHEN NOT (starts_with({raw}, '{{') OR starts_with({raw}, '[')) AND {raw} <> 'null' THEN {raw} END",
    )


class JsonObjects:
    """Decoder of one JSON object a body; with `documents`, of the texts that other decoders have made of bodies."""

    def __init__(self, paths: Iterable[str], *, documents: bool = False) -> None:
        self._place = {path: number for number, path in enumerate(sorted(paths), start=1)}
        self._documents = documents

    def prepare(self, source: pa.Table) -> pa.Table:
        """Nothing: all is SQL."""
        return source

    def relation(self, source: str, keep: str) -> str:
        """`f` holds the raw JSON of each field, from one pass over the text."""
        if self._documents:
            # Where only the payload in it cannot be read, an envelope still says whose it is.
            readable = "body_fault IS NULL OR body_fault = 'bad_payload'"
            fields = f"CASE WHEN {readable} THEN {self._fields('document')} END"
            return f"SELECT {keep}, {fields} AS f, body_fault, body_detail FROM {source}"
        return f"""
            SELECT *, CASE WHEN body_fault IS NOT NULL THEN left(text, 200) END AS body_detail FROM (
            SELECT {keep}, f, text, CASE
                WHEN text IS NULL THEN 'invalid_utf8'
                WHEN doc IS NULL OR ({broken("text")}) THEN 'invalid_json'
                WHEN {not_an_object("text")} THEN 'not_an_object'
                END AS body_fault
            FROM (SELECT *, {self._fields("doc")} AS f
            FROM (SELECT *, try_cast(text AS JSON) AS doc
            FROM (SELECT {keep}, try(decode(body)) AS text FROM {source}))))"""

    def _fields(self, document: str) -> str:
        """SQL: the raw JSON of each field. A message may have none of its own: its entries have them all."""
        if not self._place:
            return "NULL::VARCHAR[]"
        paths = sql.texts(place(path, 0).json for path in self._place)
        return f"json_extract({document}, [{paths}])::VARCHAR[]"

    def cell(self, path: str, manner: NumberFormat | None = None) -> Cell:
        """The field at the path."""
        return raw_cell(f"f[{self._place[path]}]", manner)
