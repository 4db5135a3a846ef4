"""Rows of CSV files to cells: one row a body, as the replayer of files sends them.

Belongs here: splitting a row by its delimiter, quotes by RFC 4180 included, and reading numbers strictly in the file's
decimal sign. Blanks around a field are no part of it. A row has exactly as many columns as the mapping, or the file's
header in property `csv-header`, says.
Does not: reading files (`simulator`), what the columns mean (`compilation`).
"""

from __future__ import annotations

import re

import pyarrow as pa

from canonical import sql
from canonical.decoders.cell import Cell
from canonical.decoders.plain_lines import PlainLines
from canonical.numbers import digits_of
from canonical.spec.decode import CsvDecode
from canonical.spec.readings import NumberFormat

HEADER_PROPERTY = "csv-header"
_NOT_FINITE = "(?i:nan|inf|infinity)"


class CsvRows:
    """Decoder of CSV rows: one a body, or those that `bodies` has made of it."""

    def __init__(self, decode: CsvDecode, header: str | None) -> None:
        """`header` is the column that holds the header line, or None where the spec says the order."""
        self._columns = tuple(column.strip() for column in decode.columns)
        self._delimiter = " " if decode.delimiter == "whitespace" else decode.delimiter
        self._lines = PlainLines(self._delimiter, decode.quote)
        self._runs = decode.delimiter == "whitespace"
        self._quote = decode.quote
        self._decimal = decode.decimal
        self._header = header
        self._as_text = decode.many or decode.charset != "utf-8"
        self._skips_blank = decode.blank == "ignore"
        self._many = decode.many

    @property
    def header(self) -> str | None:
        """The column that holds the header line; None where the spec says the order."""
        return self._header

    def prepare(self, source: pa.Table) -> pa.Table:
        """`source` with `usual`: whether no line of it is unusual, so that none has to be looked at by itself."""
        usual = not self._runs and self._lines.are_all(source.column("text" if self._as_text else "body"))
        return source.append_column("usual", pa.repeat(pa.scalar(usual), len(source)))

    def relation(self, source: str, keep: str) -> str:
        """`c` holds the fields, `h` the header's names where there is a header."""
        count = f"{len(self._columns)}" if self._header is None else "len(h)"
        header = "NULL"
        if self._header is not None:  # some editors begin a file with a byte order mark
            line = f"ltrim({self._header}, chr(65279))"
            header = f"list_transform({self._split(line, self._quoted(line))}, lambda x: trim(x))"
        where = "the first line" if self._many else f"property {HEADER_PROPERTY}"
        no_header = "false" if self._header is None else f"coalesce(trim({self._header}) = '', true)"
        text = f"SELECT {keep}, usual, text FROM {source}"
        if not self._as_text:
            text = f"SELECT {keep}, usual, try(decode(body)) AS text FROM {source}"
        elif self._header is not None and self._header not in keep.split(", "):
            text = f"SELECT {keep}, usual, {self._header}, text FROM {source}"
        if self._skips_blank and self._many:
            text = f"SELECT * FROM ({text}) WHERE text IS NULL OR NOT {self._is_blank('text')}"
        blank = f"WHEN {self._is_blank('line')} THEN 'blank'" if self._skips_blank and not self._many else ""
        return f"""
            SELECT {keep}, c, h, plain, CASE
                WHEN line IS NULL THEN 'invalid_utf8' {blank}
                WHEN c IS NULL OR {no_header} OR len(c) IS DISTINCT FROM {count} THEN 'invalid_csv'
                END AS body_fault, CASE
                WHEN {no_header} THEN '{where} is not there'
                WHEN c IS NULL THEN 'a quote or a line break is out of place'
                WHEN {count} IS NULL THEN 'a quote is out of place in {where}'
                ELSE concat(len(c), ' columns where there should be ', {count})
                END AS body_detail
            FROM (SELECT *, {self._split_plain("line")} ELSE {self._split("line", "quoted")} END AS c, {header} AS h
            FROM (SELECT *, CASE WHEN NOT plain THEN {self._quoted("line")} END AS quoted
            FROM (SELECT *, CASE WHEN NOT plain AND right(text, 1) IN (chr(10), chr(13))
                THEN regexp_replace(text, '\\r?\\n?$', '') ELSE text END AS line
            FROM (SELECT *, CASE WHEN usual THEN true ELSE NOT regexp_matches(text, {sql.text(self._lines.unusual)}) END
                AS plain FROM ({text})))))"""

    def _split_plain(self, line: str) -> str:
        """SQL: the beginning of a CASE that splits a line without anything unusual."""
        plainly = "false" if self._runs else "plain"
        return f"CASE WHEN {plainly} THEN string_split({line}, {sql.text(self._delimiter)})"

    def _is_blank(self, line: str) -> str:
        """SQL: whether a row has nothing but delimiters, quotes and blanks."""
        signs = re.escape(f"{self._delimiter}{self._quote}") + r" \t\r\n"
        return f"regexp_full_match({line}, {sql.text(f'[{signs}]*')})"

    def _quoted(self, line: str) -> str:
        """SQL: the fields of a line with quotes in it, as they stand there; NULL where there is no quote."""
        if self._runs:
            return "NULL::VARCHAR[]"
        escaped = re.escape(self._delimiter)
        pattern = sql.text(f"{escaped}( *{self._in_quotes} *|[^{escaped}]*)")
        # Led by a delimiter, so that every field is found behind one: an empty match would skip a character.
        fields = f"regexp_extract_all({sql.text(self._delimiter)} || {line}, {pattern}, 1)"
        return f"CASE WHEN contains({line}, {sql.text(self._quote)}) THEN {fields} END"

    @property
    def _in_quotes(self) -> str:
        quote = re.escape(self._quote)
        return f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}"

    def _split(self, line: str, fields: str) -> str:
        """SQL: the fields of a line, unquoted and trimmed; NULL where quotes or line breaks are out of place."""
        one_line = f"NOT contains({line}, chr(10)) AND NOT contains({line}, chr(13))"
        if self._runs:
            return f"CASE WHEN {one_line} THEN regexp_split_to_array(trim({line}, ' ' || chr(9)), '[ \\t]+') END"
        delimiter, quote = sql.text(self._delimiter), sql.text(self._quote)
        stray = sql.text(f"[{re.escape(self._quote)}\\r\\n]")
        sound = (
            f"array_to_string({fields}, {delimiter}) = {line} AND len(list_filter({fields}, lambda x: "
            f"regexp_matches(x, {stray}) AND NOT regexp_full_match(x, {sql.text(f' *{self._in_quotes} *')}))) = 0"
        )
        unquoted = (
            f"list_transform({fields}, lambda x: CASE WHEN contains(x, {quote}) "
            f"THEN trim(replace(trim(x)[2:-2], {sql.text(self._quote * 2)}, {quote}), ' ') ELSE trim(x, ' ') END)"
        )
        # Cheaper than trimming each field, and mostly enough.
        unblanked = (
            f"replace({line}, {sql.text(f'{self._delimiter} ')}, {delimiter})" if self._delimiter != " " else line
        )
        trimmed = (
            f"CASE WHEN regexp_matches({unblanked}, {sql.text(self._lines.blanks)}) "
            f"THEN list_transform(string_split({unblanked}, {delimiter}), lambda x: trim(x, ' ')) "
            f"ELSE string_split({unblanked}, {delimiter}) END"
        )
        return (
            f"CASE WHEN contains({line}, {quote}) THEN CASE WHEN {sound} THEN {unquoted} END "
            f"WHEN {one_line} THEN {trimmed} END"
        )

    def cell(self, path: str, manner: NumberFormat | None = None) -> Cell:
        """All fields are text; what reads as a number is one."""
        place = (
            f"list_position(h, {sql.text(path.strip())})"
            if self._header
            else str(self._columns.index(path.strip()) + 1)
        )
        text = f"c[{place}]"
        if manner is not None:
            digits = digits_of(text, manner)
        else:
            sign = re.escape(self._decimal)
            pattern = rf"[+-]?(([0-9]+({sign}[0-9]*)?|{sign}[0-9]+)([eE][+-]?[0-9]+)?|{_NOT_FINITE})"
            plain = text if self._decimal == "." else f"replace({text}, {sql.text(self._decimal)}, '.')"
            digits = f"CASE WHEN regexp_full_match({text}, {sql.text(pattern)}) THEN {plain} END"
        number = f"try_cast({digits} AS DOUBLE)"
        if manner is None and self._decimal == ".":
            # In a plain line whatever DuckDB takes for a number is one.
            number = (
                f"try_cast(CASE WHEN plain OR regexp_full_match({text}, {sql.text(pattern)}) THEN {text} END AS DOUBLE)"
            )
        return Cell(
            given=f"coalesce({text} <> '', false)",
            number=number,
            digits=digits,
            text=text,
            name=text,
            shown=text,
            written=text,
        )
