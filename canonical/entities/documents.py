"""JSON documents and JSON lines to sheets: a row is an object, a column a key of any of them.

Belongs here: finding the rows, and their fields as texts. A field of a field is named with a dot, where a spec asks.
Does not: what the texts mean (`reading`).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from canonical import sql
from canonical.entities.engine import connection
from canonical.entities.model import Decode, Match
from canonical.entities.sheet import FileFaultError, Sheet, sheet_of

_CUT = 2_000


def documents(body: bytes, decode: Decode, match: Match, asked: Iterable[str], *, lines: bool) -> Sheet | None:
    """Rows of a document, or a row a line; None where no row has the columns. Raises: FileFaultError."""
    try:
        said = body.decode(decode.charset).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise FileFaultError("bad_file", f"byte {error.start} is not {decode.charset}: {error.reason}") from None
    with connection() as db:
        if lines:
            _lines(db, said)
        else:
            _document(db, said, decode.rows)
        return _sheet(db, match, asked)


def _lines(db: duckdb.DuckDBPyConnection, said: str) -> None:
    found = said.split("\n")
    if found and not found[-1].strip():
        found.pop()
    given = pa.table(
        {"row_number": pa.array(range(1, len(found) + 1), pa.int64()), "said": pa.array(found, pa.string())}
    )
    db.register("given", given)
    db.execute(
        """
        create temp table row as
        select row_number, said, trim(said, chr(13) || chr(9) || ' ') = '' as blank,
            json_valid(said) and coalesce(json_type(case when json_valid(said) then said end) = 'OBJECT', false) as good
        from given
        """
    )


def _document(db: duckdb.DuckDBPyConnection, said: str, rows: str | None) -> None:
    known = db.execute("select json_valid($said)", {"said": said}).fetchall()[0][0]
    if not known:
        raise FileFaultError("bad_file", "no valid JSON")
    place = _path(rows) if rows else "$"
    kind = db.execute("select json_type($said, $place)", {"said": said, "place": place}).fetchall()[0][0]
    if kind not in {"ARRAY", "OBJECT"}:
        raise FileFaultError("bad_file", f"at {rows or 'its root'} the document has no list of objects")
    every = place + ("[*]" if kind == "ARRAY" else "")
    listed = "json_extract($said, $every)" if kind == "ARRAY" else "[json_extract($said, $every)]"
    db.execute(
        f"""
        create temp table row as
        select row_number, said, false as blank, json_type(said) = 'OBJECT' as good
        from (select unnest(range(1, len(l) + 1)) as row_number, unnest(l) as said from (select {listed} as l))
        """,
        {"said": said, "every": every},
    )


def _sheet(db: duckdb.DuckDBPyConnection, match: Match, asked: Iterable[str]) -> Sheet | None:
    keys = db.execute(
        """
        select key from (select row_number, unnest(json_keys(said)) as key from row where good)
        group by key order by min(row_number), key
        """
    ).fetchall()
    header = [key for (key,) in keys]
    for name in asked:
        if name not in header and "." in name:
            there = "select coalesce(bool_or(json_exists(said, $path)), false) from row where good"
            if db.execute(there, {"path": _path(name)}).fetchall()[0][0]:
                header.append(name)
    if not match.header(header):
        return None
    # A key with a dot of its own is that key; else the dot leads into the field.
    own = {key for (key,) in keys}
    places = [sql.text(_key(name) if name in own else _path(name)) for name in header]
    fields = [
        f"case when good then json_extract_string(said, {path}) end as c{place}" for place, path in enumerate(places)
    ]
    found = db.sql(
        f"select row_number, {', '.join(fields)} from row where good or blank order by row_number"
    ).to_arrow_table()
    broken = db.execute(
        f"select row_number, 'no JSON object', left(cast(said as varchar), {_CUT}) from row where not (good or blank) "
        "order by row_number"
    ).fetchall()
    columns = [found[f"c{place}"].combine_chunks() for place in range(len(header))]
    return sheet_of(header, found["row_number"].combine_chunks(), columns, broken)


def _key(name: str) -> str:
    return '$."' + name.replace('"', '\\"') + '"'


def _path(dotted: str) -> str:
    return "$" + "".join(_key(part)[1:] for part in dotted.split("."))
