"""The examples in mapping specs, run.

Belongs here: an example's event, and the comparison of what it gives with what it should give, row by row. A field of
an example that is neither mapped nor ignored is a difference too: it would be drift.
Does not: the examples (`canonical/specs/*.yaml`), or showing the comparison (`orchestration.cli.mapping_test`).
"""

from __future__ import annotations

import base64
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from canonical.canonicaliser import Canonicaliser
from canonical.drift.noticed import Noticed
from canonical.drift.observation import Observer
from canonical.outcome import EVENTS_SCHEMA
from canonical.spec_model import Example, MappingSpec

Kind = Literal["reading", "reject"]
_NAMES = ("metric", "channel", "device_id", "recorded_at", "reason", "field")
"""What tells rows of a message apart, for a person."""
_DIGITS, _NOTHING = 1e-9, 1e-12
"""How far two numbers may lie apart: as a share of them, and where one is to be nought."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One row that was expected, that came, or both; `columns` are those in which the two differ."""

    kind: Kind
    index: int
    expected: Mapping[str, Any] | None
    found: Mapping[str, Any] | None
    columns: tuple[str, ...] = ()
    instead: str = ""
    """What became of the field in place of the row that was expected."""

    @property
    def same(self) -> bool:
        """Whether the row is there and as expected."""
        return self.expected is not None and self.found is not None and not self.columns

    def __str__(self) -> str:
        row = f"{self.kind} {self.index}"
        if self.found is None:
            why = f"; there is {self.instead}" if self.instead else ""
            return f"{row} is missing; expected {dict(self.expected or {})}{why}"
        if self.expected is None:
            return f"{row} was not expected: {in_short(self.found)}"
        return "; ".join(self._column(row, name) for name in self.columns)

    def _column(self, row: str, name: str) -> str:
        assert self.found is not None, "only a row that is there differs in a column"
        assert self.expected is not None, "only a row that is expected differs in a column"
        if name not in self.found:
            return f"{row}: there is no column '{name}'; there are {', '.join(self.found)}"
        return f"{row}: {name} is {self.found[name]!r}, expected {self.expected[name]!r}"


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """One example and how it went; no differences means it passed."""

    mapping_id: str
    name: str
    rows: tuple[Compared, ...]
    drift: tuple[str, ...] = ()
    """Fields that are neither mapped nor ignored."""

    @property
    def differences(self) -> tuple[str, ...]:
        """Everything that is not as it should be, a line each."""
        unsaid = (
            f"field '{name}' is neither mapped nor ignored. Map it, or list it under `ignore`." for name in self.drift
        )
        return (*(str(row) for row in self.rows if not row.same), *unsaid)

    @property
    def passed(self) -> bool:
        """Whether the event gave what the example expects."""
        return not self.drift and all(row.same for row in self.rows)

    def __str__(self) -> str:
        head = f"mapping '{self.mapping_id}', example '{self.name}': "
        return head + ("as expected" if self.passed else "\n  " + "\n  ".join(self.differences))


def run_examples(spec: MappingSpec) -> list[ExampleResult]:
    """Each example of a spec as one event. They run together: what an event becomes does not depend on others."""
    if not spec.examples:
        return []
    canonicaliser = Canonicaliser.of([spec])
    events = [event_of(spec, example, place) for place, example in enumerate(spec.examples)]
    converted = canonicaliser.convert(pa.concat_tables(events))
    readings, rejects = _by_event(converted.readings), _by_event(converted.rejects)
    return [
        ExampleResult(
            spec.id,
            example.name,
            (
                *_compared("reading", example.expect.readings, readings[place], rejects[place]),
                *_compared("reject", example.expect.rejects, rejects[place], readings[place]),
            ),
            unsaid(events[place], canonicaliser),
        )
        for place, example in enumerate(spec.examples)
    ]


def body_of(example: Example) -> bytes:
    """The bytes of the example's message."""
    if example.body_hex is not None:
        return bytes.fromhex(example.body_hex)
    if example.body_base64 is not None:
        return base64.b64decode(example.body_base64, validate=True)
    return (example.body or "").encode()


def event_of(spec: MappingSpec, example: Example, number: int = 0) -> pa.Table:
    """The example as a row of Bronze, event `number`: what it does not say is what the spec matches."""
    row = {
        "hub": "example",
        "partition_id": "0",
        "epoch": 1,
        "sequence_number": number,
        "enqueued_at": example.enqueued_at,
        "device_id": example.device_id,
        "content_type": example.content_type or spec.match.content_type[0],
        "content_encoding": example.content_encoding,
        "schema_ref": example.schema_ref or spec.match.schema_ref,
        "properties": list((spec.match.properties | example.properties).items()),
        "body": body_of(example),
    }
    return pa.Table.from_pylist([row], schema=EVENTS_SCHEMA)


def unsaid(events: pa.Table, canonicaliser: Canonicaliser) -> tuple[str, ...]:
    """Fields of the events that their mapping neither reads nor ignores."""
    noticed = Noticed()
    observer = Observer(canonicaliser, noticed)
    observer.observe(events)
    observer.close()
    return tuple(dict.fromkeys(w.finding.field for w in noticed.lines if w.finding.kind == "new_field"))


def in_short(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a person looks at first."""
    names = ("metric", "channel", "value", "value_text", "unit", "reason", "message")
    return {name: row[name] for name in names if row.get(name) not in {None, ""}}


def _by_event(rows: pa.Table) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.to_pylist():
        found[row["sequence_number"]].append(row)
    return found


def _compared(
    kind: Kind,
    expected: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    others: Sequence[Mapping[str, Any]],
) -> Iterator[Compared]:
    rows = {row["index"]: row for row in found}
    numbered = {expectation["index"] for expectation in expected if "index" in expectation}
    for place, expectation in enumerate(expected):
        index = expectation["index"] if "index" in expectation else _place_of(expectation, rows, numbered, place)
        row = rows.pop(index, None)
        if row is None:
            yield Compared(kind, index, expectation, None, instead=_instead(index, others))
            continue
        differing = (name for name, value in expectation.items() if name not in row or not _same(row[name], value))
        yield Compared(kind, index, expectation, row, tuple(differing))
    for index, row in rows.items():
        yield Compared(kind, index, None, row)


def _place_of(
    expectation: Mapping[str, Any], rows: Mapping[int, Mapping[str, Any]], numbered: Collection[int], place: int
) -> int:
    """Index of the row that an expectation without one means.

    What it says of metric, channel, device, time, field or reason is that row's; the row at its own place in the list
    comes first where that fits, and is meant where no row fits.
    """
    named = [name for name in _NAMES if name in expectation]
    left = {index: row for index, row in rows.items() if index not in numbered}
    meant = [i for i, row in left.items() if all(name in row and _same(row[name], expectation[name]) for name in named)]
    return place if place in meant or not meant else min(meant)


def _instead(index: int, others: Sequence[Mapping[str, Any]]) -> str:
    """The row of the other kind that came in place of one, or the reject of the whole event."""
    for row in others:
        if row["index"] in {index, -1}:
            return f"a reject, {row['reason']}: {row['message']}" if "reason" in row else f"a reading: {in_short(row)}"
    return ""


def _same(found: Any, expected: Any) -> bool:
    """Whether it is what a person expects, who knows no more digits than a number needs."""
    if isinstance(found, float) and isinstance(expected, int | float) and not isinstance(expected, bool):
        return math.isclose(found, expected, rel_tol=_DIGITS, abs_tol=_NOTHING)
    return bool(_plain(found) == _plain(expected))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    return value
