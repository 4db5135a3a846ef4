"""The examples of entity specs, run.

Belongs here: comparing what a file of an example gives with what it should.
Does not: what needs other files (history, parents): that is the product's, not a spec's.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from canonical.entities.model import EntitySpec, Example
from canonical.entities.reading import read_file
from quality.contracts.entity_tables import ENTITY_CODES


@dataclass(frozen=True)
class EntityExampleResult:
    """One example and how what came differs from what was expected; no differences means it passed."""

    mapping_id: str
    name: str
    differences: tuple[str, ...]

    def __str__(self) -> str:
        head = f"entity mapping '{self.mapping_id}', example '{self.name}': "
        return head + ("as expected" if not self.differences else "\n  " + "\n  ".join(self.differences))


def run_entity_examples(spec: EntitySpec) -> list[EntityExampleResult]:
    """Each example of a spec as a file of its own."""
    return [EntityExampleResult(spec.id, example.name, tuple(_differences(spec, example))) for example in spec.examples]


def body_of(example: Example) -> bytes:
    """The bytes of the example's file."""
    return base64.b64decode(example.body_base64) if example.body_base64 else (example.body or "").encode()


def _differences(spec: EntitySpec, example: Example) -> Iterator[str]:
    (read,) = read_file(spec.match.feed[0], example.path, body_of(example), [spec])
    rows = read.rows.to_pylist() if read.rows is not None else []
    if example.effective_at is not None and read.effective_at != example.effective_at:
        yield f"the file is of {read.effective_at}, expected {example.effective_at}"
    refused = [row for row in rows if row["reason"] and ENTITY_CODES[row["reason"]].outcome == "quarantined"]
    if read.fault is not None:
        refused.append({"row_number": 0, "reason": read.fault, "says": read.message})
    yield from _compared("row", example.rows, [row for row in rows if not row["reason"]])
    yield from _compared("reject", example.rejects, refused)
    skipped = Counter(row["reason"] for row in rows if row["reason"]) - Counter(row["reason"] for row in refused)
    if dict(skipped) != example.skipped:
        yield f"skipped are {dict(skipped)}, expected {example.skipped}"
    for name in read.unmapped_columns:
        if name not in example.unmapped:
            yield f"column '{name}' is neither mapped nor ignored. Map it, or list it under `ignore`."


def _compared(kind: str, expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = {row["row_number"]: row for row in found}
    order = list(rows)
    for place, wanted in enumerate(expected):
        number = wanted.get("row_number", order[place] if place < len(order) else None)
        row = rows.pop(number, None)
        if row is None:
            yield f"{kind} {number} is missing; expected {dict(wanted)}"
            continue
        for column, value in wanted.items():
            if column not in row:
                yield f"{kind} {number}: there is no column '{column}'; there are {', '.join(row)}"
            elif _plain(row[column]) != _plain(value):
                yield f"{kind} {number}: {column} is {row[column]!r}, expected {value!r}"
    for number, row in rows.items():
        shown = {name: value for name, value in row.items() if value not in {None, ""} and name != "raw"}
        yield f"{kind} {number} was not expected: {shown}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value
