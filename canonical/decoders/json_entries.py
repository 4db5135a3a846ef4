"""Entries of arrays and objects inside JSON documents, to cells.

Belongs here: taking sound documents apart level by level, each entry with what its readings need of the levels above:
those fields are read once at their level and travel down beside the entries, so that no document is parsed once an
entry.
Does not: whether a document is sound (`json_records`), or what the fields mean (`compilation`).
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from canonical import sql
from canonical.decoders.cell import Cell
from canonical.decoders.json_objects import raw_cell
from canonical.paths import Place, place, steps
from canonical.spec.readings import NumberFormat
from canonical.spec.records import Only

_TYPES = {
    "object": ("OBJECT",),
    "array": ("ARRAY",),
    "text": ("VARCHAR",),
    "number": ("BIGINT", "UBIGINT", "DOUBLE", "HUGEINT"),
    "boolean": ("BOOLEAN",),
    "null": ("NULL",),
}


class JsonEntries:
    """Decoder of the entries at `each` of sound documents (columns `document` and `record`)."""

    def __init__(self, each: str, only: Only | None, root: Iterable[str], entry: Iterable[str]) -> None:
        """`root` are paths that start at the document, `entry` those that start at the entry."""
        self._steps = steps(each)
        self._only = only or Only()
        self.depth = len(self._steps)
        self._places = {(False, path): place(path, 0) for path in root}
        self._places |= {(True, path): place(path, self.depth) for path in entry}
        conditions = [*self._only.has, *self._only.lacks]
        self._conditions = {path: place(path, self.depth) for path in conditions}
        found = sorted({*self._places.values(), *self._conditions.values()}, key=repr)
        self._fields = [[p for p in found if p.level == level and p.kind == "field"] for level in range(self.depth + 1)]
        self._beside = [p for p in found if p.kind == "beside"]

    def prepare(self, source: pa.Table) -> pa.Table:
        """Nothing: all is SQL."""
        return source

    def relation(self, source: str, keep: str) -> str:
        """One row an entry, in which i1, i2 … are its places and `s<n>` holds the fields of level n."""
        carried = ["record"]
        made = f"SELECT {keep}, record, document AS e0 FROM {source}"
        for level, step in enumerate(self._steps):
            fields, names = self._read(level)
            values = f"json_extract(e{level}, {sql.text(step.values)})::VARCHAR[]"
            keys = f"json_keys(e{level}, {sql.text(step.json)})" if step.entries else "[]::VARCHAR[]"
            carried += names
            kept = ", ".join([keep, *carried])
            inner = ", ".join([keep, *carried[: len(carried) - len(names)], *fields])
            n = level + 1
            made = (
                f"SELECT {kept}, unnest(entries) AS e{n}, unnest(keys) AS k{n}, unnest(range(0, len(entries))) AS i{n} "
                f"FROM (SELECT {inner}, {values} AS entries, {keys} AS keys FROM ({made}))"
            )
            carried += [f"k{n}", f"i{n}", *([] if n < self.depth else [f"e{n}"])]
        fields, _ = self._read(self.depth)
        inner = ", ".join([keep, *carried, *fields])
        last = f"SELECT {inner}, NULL::VARCHAR AS body_fault, NULL::VARCHAR AS body_detail FROM ({made})"
        tests = self._tests()
        return f"SELECT * FROM ({last}) WHERE {' AND '.join(tests)}" if tests else last

    def _read(self, level: int) -> tuple[list[str], list[str]]:
        """Columns read at a level, and their names."""
        columns, names = [], []
        if self._fields[level]:
            paths = sql.texts(p.json for p in self._fields[level])
            columns.append(f"json_extract(e{level}, [{paths}])::VARCHAR[] AS s{level}")
            names.append(f"s{level}")
        for number, p in enumerate(self._beside):
            if p.level == level:
                columns.append(f"json_extract(e{level}, {sql.text(f'{p.json}[*]')})::VARCHAR[] AS b{number}")
                names.append(f"b{number}")
        return columns, names

    def _tests(self) -> list[str]:
        only = self._only
        tests = [raw_cell(self._raw(self._conditions[path])).given for path in only.has]
        tests += [f"NOT {raw_cell(self._raw(self._conditions[path])).given}" for path in only.lacks]
        if only.keys:
            pattern = sql.text("|".join(f"(?:{key})" for key in only.keys))
            tests.append(f"coalesce(regexp_full_match(k{self.depth}, {pattern}), false)")
        if only.types:
            named = [name for type_ in only.types for name in _TYPES[type_]]
            tests.append(f"json_type(e{self.depth}) IN ({sql.texts(named)})")
        return tests

    def _raw(self, p: Place) -> str:
        if p.kind == "value":
            return f"e{self.depth}"
        if p.kind == "beside":
            element = f"b{self._beside.index(p)}[i{self.depth} + 1]"
            return f"json_extract({element}, {sql.text(p.behind)})::VARCHAR" if p.behind else element
        return f"s{p.level}[{self._fields[p.level].index(p) + 1}]"

    def cell(self, path: str, manner: NumberFormat | None = None, *, root: bool = False) -> Cell:
        """The field at a path that starts at the entry, or at the root."""
        p = self._places[(not root, path)]
        if p.kind == "key":
            return _text_cell(f"k{p.level}")
        if p.kind == "index":
            return _text_cell(f"i{p.level}::VARCHAR")
        return raw_cell(self._raw(p), manner)


def _text_cell(text: str) -> Cell:
    """A key or a place: a text that may read as a number."""
    digits = f"CASE WHEN regexp_full_match({text}, '-?[0-9]+([.][0-9]+)?') THEN {text} END"
    return Cell(
        given=f"({text} IS NOT NULL)",
        number=f"try_cast({digits} AS DOUBLE)",
        digits=digits,
        text=text,
        name=text,
        shown=text,
        written=text,
    )
