"""Rows of CSV files to cells: one row a body, as the replayer of files sends them.

Belongs here: splitting a row by its delimiter, quotes by RFC 4180 included, and reading numbers strictly in the file's
decimal sign. Blanks around a field are no part of it. A row has exactly as many columns as the mapping, or the file's
header in property `csv-header`, says.
Does not: reading files (`simulator`), what the columns mean (`compilation`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from canonical import sql
from canonical.decoders.cell import Cell

HEADER_PROPERTY = "csv-header"
_NOT_FINITE = "(?i:nan|inf|infinity)"


class CsvRows:
    """Decoder of one CSV row a body."""

    def __init__(self, columns: Sequence[str], delimiter: str, decimal: str, header: str | None) -> None:
        """`header` is the column that holds the file's header line, or None where the spec says the order."""
        self._columns = tuple(columns)
        self._delimiter = delimiter
        self._decimal = decimal
        self._header = header

    def prepare(self, source: pa.Table) -> pa.Table:
        """Nothing: all is SQL."""
        return source

    def relation(self, source: str, keep: str) -> str:
        """`c` holds the fields, `h` the header's names where there is a header."""
        count = f"{len(self._columns)}" if self._header is None else "len(h)"
        header = "NULL"
        if self._header is not None:  # some editors begin a file with a byte order mark
            line = f"ltrim({self._header}, chr(65279))"
            header = f"list_transform({self._split(line, self._quoted(line))}, lambda x: trim(x))"
        no_header = "false" if self._header is None else f"coalesce(trim({self._header}) = '', true)"
        return f"""
            SELECT {keep}, c, h, CASE
                WHEN line IS NULL THEN 'invalid_utf8'
                WHEN c IS NULL OR {no_header} OR len(c) IS DISTINCT FROM {count} THEN 'invalid_csv'
                END AS body_fault, CASE
                WHEN {no_header} THEN 'property {HEADER_PROPERTY} is not there'
                WHEN c IS NULL THEN 'a quote or a line break is out of place'
                WHEN {count} IS NULL THEN 'a quote is out of place in property {HEADER_PROPERTY}'
                ELSE concat(len(c), ' columns where there should be ', {count})
                END AS body_detail
            FROM (SELECT *, {self._split("line", "quoted")} AS c, {header} AS h
            FROM (SELECT *, {self._quoted("line")} AS quoted
            FROM (SELECT *, CASE WHEN right(text, 1) IN (chr(10), chr(13))
                THEN regexp_replace(text, '\\r?\\n?$', '') ELSE text END AS line
            FROM (SELECT {keep}, try(decode(body)) AS text FROM {source}))))"""

    def _quoted(self, line: str) -> str:
        """SQL: the fields of a line with quotes in it, as they stand there; NULL where there is no quote."""
        escaped = re.escape(self._delimiter)
        pattern = sql.text(f"{escaped}( *{_QUOTED} *|[^{escaped}]*)")
        # Led by a delimiter, so that every field is found behind one: an empty match would skip a character.
        fields = f"regexp_extract_all({sql.text(self._delimiter)} || {line}, {pattern}, 1)"
        return f"CASE WHEN contains({line}, '\"') THEN {fields} END"

    def _split(self, line: str, fields: str) -> str:
        """SQL: the fields of a line, unquoted; NULL where quotes or line breaks are out of place."""
        delimiter = sql.text(self._delimiter)
        sound = (
            f"array_to_string({fields}, {delimiter}) = {line} AND len(list_filter({fields}, lambda x: "
            f"regexp_matches(x, '[\"\\r\\n]') AND NOT regexp_full_match(x, {sql.text(f' *{_QUOTED} *')}))) = 0"
        )
        unquoted = (
            f"list_transform({fields}, lambda x: CASE WHEN contains(x, '\"') "
            "THEN replace(trim(x)[2:-2], '\"\"', '\"') ELSE x END)"
        )
        # Cheaper than trimming each field; what is left of blanks `cell` takes away.
        unblanked = (
            f"replace({line}, {sql.text(f'{self._delimiter} ')}, {delimiter})" if self._delimiter != " " else line
        )
        return (
            f"CASE WHEN contains({line}, '\"') THEN CASE WHEN {sound} THEN {unquoted} END "
            f"WHEN NOT contains({line}, chr(10)) AND NOT contains({line}, chr(13)) THEN "
            f"string_split({unblanked}, {delimiter}) END"
        )

    def cell(self, path: str) -> Cell:
        """All fields are text; what reads as a number is one."""
        place = f"list_position(h, {sql.text(path)})" if self._header else str(self._columns.index(path) + 1)
        field = f"c[{place}]"
        text = f"CASE WHEN starts_with({field}, ' ') OR ends_with({field}, ' ') THEN trim({field}) ELSE {field} END"
        sign = re.escape(self._decimal)
        pattern = rf"[+-]?(([0-9]+({sign}[0-9]*)?|{sign}[0-9]+)([eE][+-]?[0-9]+)?|{_NOT_FINITE})"
        plain = text if self._decimal == "." else f"replace({text}, {sql.text(self._decimal)}, '.')"
        digits = f"CASE WHEN regexp_full_match({text}, {sql.text(pattern)}) THEN {plain} END"
        return Cell(
            given=f"coalesce({text} <> '', false)",
            number=f"try_cast({digits} AS DOUBLE)",
            digits=digits,
            text=text,
            name=text,
            shown=text,
        )


_QUOTED = '"(?:[^"]|"")*"'
