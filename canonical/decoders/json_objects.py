"""JSON objects to cells.

Belongs here: reading each body once, by itself, and being strict where the engine is lenient: a number in quotes, true
and a trailing comma are not what they look like. NaN and Infinity literals, which Python and others write, are read as
numbers that are not finite. Of a key written twice the first counts. Nothing is parsed across rows.
Does not: what the fields mean (`compilation`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyarrow as pa

from canonical import sql
from canonical.decoders.cell import Cell

_STEP = re.compile(r"\[(\d+)\]")
_TRAILING_COMMA = r",[ \t\r\n]*[}\]]"
_STRING = r'"(\\.|[^"\\])*"'


def json_path(path: str) -> str:
    """A path of the spec as a JSON path: `a.b[0]` is `$."a"."b"[0]`."""
    steps = []
    for part in path.split("."):
        key = part.split("[", 1)[0]
        steps.append((f'."{key}"' if key else "") + "".join(f"[{n}]" for n in _STEP.findall(part)))
    return "$" + "".join(steps)


class JsonObjects:
    """Decoder of one JSON object a body."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._place = {path: place for place, path in enumerate(sorted(paths), start=1)}

    def prepare(self, source: pa.Table) -> pa.Table:
        """Nothing: all is SQL."""
        return source

    def relation(self, source: str, keep: str) -> str:
        """`f` holds the raw JSON of each field, from one pass over the text."""
        paths = sql.texts(json_path(path) for path in self._place)
        comma, string = sql.text(_TRAILING_COMMA), sql.text(_STRING)
        # The engine takes [1,] as JSON. Texts may hold what looks like it, so they are emptied before it counts.
        broken = (
            f"regexp_matches(text, {comma}) AND regexp_matches(regexp_replace(text, {string}, '\"\"', 'gs'), {comma})"
        )
        return f"""
            SELECT *, CASE WHEN body_fault IS NOT NULL THEN left(text, 200) END AS body_detail FROM (
            SELECT {keep}, f, text, CASE
                WHEN text IS NULL THEN 'invalid_utf8'
                WHEN doc IS NULL OR ({broken}) THEN 'invalid_json'
                WHEN NOT starts_with(text, '{{') AND NOT regexp_matches(text, '^[ \\t\\r\\n]*[{{]') THEN 'not_an_object'
                END AS body_fault
            FROM (SELECT *, json_extract(doc, [{paths}])::VARCHAR[] AS f
            FROM (SELECT *, try_cast(text AS JSON) AS doc
            FROM (SELECT {keep}, try(decode(body)) AS text FROM {source}))))"""

    def cell(self, path: str) -> Cell:
        """Types are told by the raw JSON of the field."""
        raw = f"f[{self._place[path]}]"
        text = f"CASE WHEN starts_with({raw}, '\"') THEN {raw}->>'$' END"
        return Cell(
            given=f"coalesce({raw} <> 'null', false)",
            number=f"try_cast({raw} AS DOUBLE)",  # raw JSON keeps its quotes, so a text is no number
            digits=raw,
            text=text,
            name=f"CASE WHEN starts_with({raw}, '\"') THEN {raw}->>'$' "
            f"WHEN regexp_full_match({raw}, '-?[0-9]+') THEN {raw} END",
            shown=raw,
        )
