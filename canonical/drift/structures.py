"""The shapes of JSON documents against what a spec knows.

Belongs here: walking one shape, as the engine's `json_structure` gives it (types in place of values, all elements of an
array as one), for new fields, changed types, and which mapped fields are there.
Does not: getting shapes out of events (`observation`): events of one shape are one walk.

An unknown object is one new field, whatever lies in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from canonical.drift.known import ARRAY, BOOLEAN, ELEMENTS, MIXED, NULL, NUMBER, OBJECT, TEXT, Known, Node, named

_TYPES = {"VARCHAR": TEXT, "DOUBLE": NUMBER, "UBIGINT": NUMBER, "BIGINT": NUMBER, "HUGEINT": NUMBER, "UHUGEINT": NUMBER}
_TYPES |= {"BOOLEAN": BOOLEAN, "JSON": MIXED, "NULL": NULL}
MOST = 50
"""New fields named of one shape; the rest are others."""
OTHERS = "…others"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something at a field: `new_field`, `changed_type`, `present` or `missing_field`."""

    kind: str
    field: str
    expected: str
    seen: str


def findings(shape: Any, known: Known, most: int | None = MOST) -> Iterator[Finding]:
    """All there is to say of one shape, with at most so many new fields."""
    there: set[tuple[str, ...]] = set()
    new = 0
    for finding in _walk(shape, known.root, (), there):
        if finding.kind == "new_field":
            new += 1
            if most is not None and new > most:
                continue
        yield finding
    if most is not None and new > most:
        yield Finding("new_field", OTHERS, "", "")
    for name, path in known.mapped.items():
        yield Finding("present" if path in there else "missing_field", name, "", "")


def _walk(
    shape: Any, node: Node, path: tuple[str, ...], there: set[tuple[str, ...]], *, quiet: bool = False
) -> Iterator[Finding]:
    """`quiet` below an open place: new fields are known there."""
    seen = _type(shape)
    if seen == NULL:
        return  # a field that is null says nothing of its type, and is not there
    there.add(path)
    quiet = quiet or node.open
    if path and not node.allows(seen):
        yield Finding("changed_type", named(path), node.expected, seen)
    elif isinstance(shape, list):
        below = node.below(ELEMENTS)
        if below is not None:
            yield from _walk(shape[0], below, (*path, ELEMENTS), there, quiet=quiet)
    elif isinstance(shape, dict) and (node.children or not path):
        for key, part in shape.items():
            step = node.step(key)
            if step is not None:
                yield from _walk(part, node.children[step], (*path, step), there, quiet=quiet)
            elif not quiet:
                yield Finding("new_field", named((*path, key)), "", _type(part))


def _type(shape: Any) -> str:
    if isinstance(shape, dict):
        return OBJECT
    if isinstance(shape, list):
        return ARRAY
    return _TYPES.get(shape, MIXED)
