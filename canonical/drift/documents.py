"""Drift of JSON documents: their shapes, grouped.

Belongs here: getting the few distinct shapes of many documents from the engine, with how many have each and which came
first; and the first example of what was found.
Does not: reading a shape (`structures`), or bodies to documents (`decoders.bodies`).

Bounded: of one look at one mapping at most `MOST_SHAPES` shapes of together `MOST_CHARACTERS` are read, the most
frequent first; events of other shapes are counted as one finding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from canonical.compilation import Compiled
from canonical.decoders.json_objects import not_an_object
from canonical.drift.known import ELEMENTS, Known, steps
from canonical.drift.structures import OTHERS, Finding, findings
from canonical.spec.decode import reads_documents

Run = Callable[[str, pa.Table], pa.Table]
MOST_SHAPES, MOST_CHARACTERS = 256, 1 << 20
_LONGEST = 1 << 16
_MOST_EXAMPLES = 20
HOUR = "strftime(make_timestamp(enqueued_us), '%Y-%m-%d-%H')"
SHAPE = "try(json_structure(document))::VARCHAR"
"""SQL: the types of a document in place of its values; NULL where it nests deeper than the engine follows."""
_OTHERS = Finding("new_field", OTHERS, "", "")
_SHAPES = f"""
SELECT CASE WHEN length(shape) <= {_LONGEST} THEN shape END AS shape, hour, events, first_row, last_us FROM (
    SELECT {SHAPE} AS shape, {HOUR} AS hour, count(*) AS events,
        min(row) AS first_row, max(enqueued_us) AS last_us
    FROM source WHERE document IS NOT NULL GROUP BY shape, hour
)"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding in some events of one enqueued hour: how many, the first, and when the last was enqueued."""

    finding: Finding
    hour: str
    events: int
    first_row: int
    last_us: int
    example: str | None = None


def documents_of(mapping: Compiled, events: pa.Table, records: pa.Table, run: Run) -> pa.Table | None:
    """One sound document an event of a mapping (row, enqueued_us, document); None where its fields are columns."""
    if not reads_documents(mapping.spec.decode) and "document" not in records.column_names:
        return None
    found = records if "document" in records.column_names else _plain(events, run)
    found = found.filter(pc.is_null(found.column("body_fault")))
    return _one_an_event(found, run) if mapping.spec.decode.many else found


def _plain(source: pa.Table, run: Run) -> pa.Table:
    """Bodies that are one JSON object each: row, enqueued_us, document, body_fault."""
    query = (
        "SELECT row, enqueued_us, text AS document, CASE WHEN text IS NULL OR try_cast(text AS JSON) IS NULL "
        f"OR {not_an_object('text')} THEN 'invalid_json' END AS body_fault "
        "FROM (SELECT row, enqueued_us, try(decode(body)) AS text FROM source)"
    )
    return run(query, source.select(["row", "enqueued_us", "body"]))


def _one_an_event(documents: pa.Table, run: Run) -> pa.Table:
    """Records of a list as one array an event: row, enqueued_us, document."""
    query = (
        "SELECT row, any_value(enqueued_us) AS enqueued_us, '[' || string_agg(document, ',' ORDER BY record) || ']' "
        "AS document FROM source WHERE document IS NOT NULL GROUP BY row"
    )
    return run(query, documents)


def of_documents(documents: pa.Table, known: Known, run: Run) -> Iterator[Seen]:
    """What documents (row, enqueued_us, document: an object, or an array of them) show."""
    grouped = run(_SHAPES, documents.select(["row", "enqueued_us", "document"]))
    read: dict[str, list[Finding]] = {}
    examples = _Examples(documents)
    characters = 0
    for text, *group in _ranked(grouped):
        shape = "" if text is None else _numbers_alike(text)
        if shape not in read:
            characters += len(shape)
            few = shape and len(read) < MOST_SHAPES and characters <= MOST_CHARACTERS
            read[shape] = list(findings(of_one(json.loads(shape)), known)) if few else [_OTHERS]
        for finding in read[shape]:
            yield _shown(Seen(finding, *group), examples)


def of_one(shape: Any) -> Any:
    """The shape of one record; an array stands for the records of an event."""
    return shape[0] if isinstance(shape, list) else shape


def _ranked(grouped: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Groups as (shape, hour, events, first row, last microsecond), the most frequent shapes first."""
    keys = [("events", "descending"), ("first_row", "ascending")]
    columns = grouped.take(pc.sort_indices(grouped, sort_keys=keys)).columns
    # Row by row, so that no more than is read becomes Python.
    for place in range(len(grouped)):
        yield tuple(column[place].as_py() for column in columns)


def _numbers_alike(shape: str) -> str:
    """Kinds of numbers are one type, or every field would double the number of shapes."""
    for name in ("UBIGINT", "BIGINT", "UHUGEINT", "HUGEINT"):
        shape = shape.replace(f':"{name}"', ':"DOUBLE"').replace(f'["{name}"]', '["DOUBLE"]')
    return shape


class _Examples:
    """What a field held in a document; of a few documents only, because each is parsed."""

    def __init__(self, documents: pa.Table) -> None:
        self._documents = documents
        self._parsed: dict[int, Any] = {}

    def at(self, row: int, path: str) -> str | None:
        if row not in self._parsed:
            if len(self._parsed) == _MOST_EXAMPLES:
                return None
            found = self._documents.filter(pc.equal(self._documents.column("row"), row)).column("document")
            self._parsed[row] = json.loads(found[0].as_py())
        return _text(next(_values(self._parsed[row], steps(path)), None))


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(value, list) and (not path or path[0] != ELEMENTS):
        path = (ELEMENTS, *path)  # the records of a list
    if not path:
        yield value
        return
    below: Iterable[Any] = ()
    if path[0] == ELEMENTS and isinstance(value, list):
        below = value
    elif isinstance(value, dict):
        below = value.values() if path[0] == "*" else [value[path[0]]] if path[0] in value else []
    for part in below:
        yield from _values(part, path[1:])


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _shown(one: Seen, examples: _Examples) -> Seen:
    if one.finding.kind not in {"new_field", "changed_type"} or one.finding.field == OTHERS:
        return one
    example = examples.at(one.first_row, one.finding.field)
    return Seen(one.finding, one.hour, one.events, one.first_row, one.last_us, example)
