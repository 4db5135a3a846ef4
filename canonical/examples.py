"""The examples in mapping specs, run.

Belongs here: an example's event, the comparison of what it gives with what it should give, and a difference a person
can read. A field of an example's JSON that is neither mapped nor ignored is a difference too: it would be drift.
Does not: the examples (`canonical/specs/*.yaml`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from canonical.canonicaliser import Canonicaliser
from canonical.outcome import EVENTS_SCHEMA
from canonical.spec_model import Example, JsonDecode, MappingSpec


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """One example and how it went; no differences means it passed."""

    mapping_id: str
    name: str
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the event gave what the example expects."""
        return not self.differences

    def __str__(self) -> str:
        head = f"mapping '{self.mapping_id}', example '{self.name}': "
        return head + ("as expected" if self.passed else "\n  " + "\n  ".join(self.differences))


def run_examples(spec: MappingSpec) -> list[ExampleResult]:
    """Each example of a spec as one event, alone."""
    canonicaliser = Canonicaliser.of([spec])
    return [_run(spec, example, canonicaliser) for example in spec.examples]


def body_of(example: Example) -> bytes:
    """The bytes of the example's message."""
    if example.body_hex is not None:
        return bytes.fromhex(example.body_hex)
    if example.body_base64 is not None:
        return base64.b64decode(example.body_base64, validate=True)
    return (example.body or "").encode()


def event_of(spec: MappingSpec, example: Example) -> pa.Table:
    """The example as a row of Bronze: what it does not say is what the spec matches."""
    row = {
        "hub": "example",
        "partition_id": "0",
        "epoch": 1,
        "sequence_number": 0,
        "enqueued_at": example.enqueued_at,
        "device_id": example.device_id,
        "content_type": example.content_type or spec.match.content_type[0],
        "content_encoding": example.content_encoding,
        "schema_ref": example.schema_ref or spec.match.schema_ref,
        "properties": list((spec.match.properties | example.properties).items()),
        "body": body_of(example),
    }
    return pa.Table.from_pylist([row], schema=EVENTS_SCHEMA)


def _run(spec: MappingSpec, example: Example, canonicaliser: Canonicaliser) -> ExampleResult:
    converted = canonicaliser.convert(event_of(spec, example))
    differences = [
        *_differences("reading", example.expect.readings, converted.readings.to_pylist()),
        *_differences("reject", example.expect.rejects, converted.rejects.to_pylist()),
        *_drift(spec, example),
    ]
    return ExampleResult(spec.id, example.name, tuple(differences))


def _differences(kind: str, expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = {row["index"]: row for row in found}
    for place, expectation in enumerate(expected):
        index = expectation.get("index", place)
        row = rows.pop(index, None)
        if row is None:
            yield f"{kind} {index} is missing; expected {dict(expectation)}"
            continue
        for column, value in expectation.items():
            if column not in row:
                yield f"{kind} {index}: there is no column '{column}'; there are {', '.join(row)}"
            elif _plain(row[column]) != _plain(value):
                yield f"{kind} {index}: {column} is {row[column]!r}, expected {value!r}"
    for index, row in rows.items():
        what = {name: value for name, value in row.items() if name in {"metric", "value", "reason", "message"}}
        yield f"{kind} {index} was not expected: {what}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    return value


def _drift(spec: MappingSpec, example: Example) -> Iterator[str]:
    if not isinstance(spec.decode, JsonDecode) or example.content_encoding:
        return
    try:
        document = json.loads(body_of(example))
    except ValueError:
        return  # a broken body is what some examples are about
    covered = [*spec.paths, *spec.ignore]
    for field in _leaves(document, ""):
        if not any(field == path or field.startswith((f"{path}.", f"{path}[")) for path in covered):
            yield f"field '{field}' is neither mapped nor ignored. Map it, or list it under `ignore`."


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for place, below in enumerate(value):
            yield from _leaves(below, f"{path}[{place}]")
    elif path:
        yield path
