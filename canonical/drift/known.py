"""What a mapping spec says a payload holds.

Belongs here: the fields of a spec as a tree (objects, arrays, fields with the types they may have), and the questions
drift asks of it: is this field known, is that a type it may have.
Does not: payloads (`structures`, `cells`), or what is done about drift.

A field is named by its path: keys joined by dots, `[*]` for the elements of an array; `*` is any key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

TEXT, NUMBER, BOOLEAN, NULL = "text", "number", "boolean", "null"
OBJECT, ARRAY, MIXED = "object", "array", "mixed"
SCALARS = frozenset({TEXT, NUMBER, BOOLEAN})
ELEMENTS = "[*]"
ROW = "(row)"
"""In place of a field: a row of CSV as a whole."""
_STEP = re.compile(r"\['(?P<quoted>[^']*)'\]|\[[^\]]*\]|[^.\[\]]+")
_PLAIN = re.compile(r"[^.\[\]']+")


def steps(path: str) -> tuple[str, ...]:
    """`a.b[0].c` as a, b, `[*]`, c: which element it is makes no difference; `['a.b']` is one key."""
    return tuple(_step(found) for found in _STEP.finditer(path))


def _step(found: re.Match[str]) -> str:
    if found["quoted"] is not None:
        return found["quoted"]
    return ELEMENTS if found[0].startswith("[") else found[0]


@lru_cache(maxsize=10_000)
def _fits(pattern: str, key: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), key, re.DOTALL) is not None


@dataclass(slots=True)
class Node:
    """One place in a payload; what lies below an `open` one is all known."""

    children: dict[str, Node] = field(default_factory=dict)
    types: frozenset[str] = frozenset()
    mapped: bool = False
    open: bool = False

    def step(self, key: str) -> str | None:
        """The step that a key takes: itself, or the pattern it fits; None where nothing is known of it."""
        if key in self.children:
            return key
        patterns = (step for step in self.children if "*" in step and step != ELEMENTS)
        return next((pattern for pattern in patterns if key != ELEMENTS and _fits(pattern, key)), None)

    def below(self, key: str) -> Node | None:
        """The place one step down; None where nothing is known of it."""
        step = self.step(key)
        return None if step is None else self.children[step]

    @property
    def expected(self) -> str:
        """The types as words; empty where any will do."""
        return " or ".join(sorted(self.types | self._shapes))

    def allows(self, seen: str) -> bool:
        """Whether a value of this type is what the spec expects here; several at once are `mixed`."""
        if self.open:
            return True
        shapes = self._shapes
        if seen == MIXED:
            return len(self.types | shapes) != 1 or shapes == {OBJECT}  # an empty object counts as mixed
        return not (self.types | shapes) or seen in self.types or seen in shapes

    @property
    def _shapes(self) -> frozenset[str]:
        named = {ARRAY if step == ELEMENTS else OBJECT for step in self.children}
        return frozenset(named)


class Known:
    """The fields of one spec."""

    def __init__(self, mapped: Mapping[str, frozenset[str]], ignored: Iterator[str] | tuple[str, ...]) -> None:
        """`mapped` is path to the types a value may have (empty: any); `ignored` are paths, with what lies below."""
        self.root = Node()
        self.columns: int | None = None
        """How many columns a row has, where only their order tells them apart."""
        self.numbers: frozenset[int] = frozenset()
        """Field numbers of a protobuf message."""
        self.mapped: dict[str, tuple[str, ...]] = {}
        for path, types in mapped.items():
            node = self._node(steps(path))
            # Two readings of one field may each want a type of their own.
            node.types = types if not node.mapped else node.types | types if node.types and types else frozenset()
            node.mapped = True
            self.mapped[named(steps(path))] = steps(path)
        for path in ignored:
            parts = steps(path)
            self._node(parts[:-1] if parts and parts[-1] == "**" else parts).open = True

    def _node(self, path: tuple[str, ...]) -> Node:
        node = self.root
        for step in path:
            node = node.children.setdefault(step, Node())
        return node

    def at(self, path: tuple[str, ...]) -> Node | None:
        """The place at a path; None where nothing is known of it; an open place stands for all below it."""
        node: Node | None = self.root
        for step in path:
            if node is None or node.open:
                return node
            node = node.below(step)
        return node

    def settles(self, kind: str, path: str, seen: str) -> bool:
        """Whether this spec no longer calls a finding, made under an older one perhaps, drift."""
        if path == ROW:
            return seen == columns_of(self.columns)
        if path.startswith("#") and path[1:].isdecimal():
            return int(path[1:]) in self.numbers
        node = self.at(steps(path))
        if kind == "new_field":
            return node is not None
        if kind == "changed_type":
            return node is None or node.allows(seen)
        return node is None or not node.mapped


def named(path: tuple[str, ...]) -> str:
    """The steps as a path."""
    text = ""
    for step in path:
        if step == ELEMENTS:
            text += step
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"['{step.replace(chr(39), '?')}']"
    return text or "$"


def columns_of(count: int | None) -> str:
    """The width of a row, in words."""
    return "" if count is None else f"{count} columns"
