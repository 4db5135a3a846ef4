"""Places in a document: what a path of a spec points at.

Belongs here: taking paths apart, scopes (`$`, `^`, the entry), and places as the engine's JSON paths.
Does not: reading fields (`decoders`), or whether a spec may name a place (`path_checks`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_TOKEN = re.compile(r"\.?(?:\['([^']+)'\]|\[(\d+)\]|([^.\[\]']+))")
_EACH = re.compile(r"\*|\[\*\]|\.\*|(?:\.?(?:\['[^']+'\]|\[\d+\]|[^.\[\]'*]+))+")
_BESIDE = "[@index]"


class PathError(ValueError):
    """A path is written in a way that points nowhere; the text says what is wrong."""


def json_path(path: str) -> str:
    """Steps as a JSON path: `a.b[0]` is `$."a"."b"[0]`; `['a.b']` is one key."""
    steps, end = [], 0
    while end < len(path):
        token = _TOKEN.match(path, end)
        if token is None:
            raise PathError(f"'{path}' cannot be read from '{path[end:]}' on")
        quoted, number, key = token.groups()
        steps.append(f"[{number}]" if number is not None else f'."{quoted if quoted is not None else key}"')
        end = token.end()
    return "$" + "".join(steps)


@dataclass(frozen=True, slots=True)
class Place:
    """What a path points at: something of the entry at `level` (0 is the root)."""

    level: int
    kind: Literal["field", "beside", "key", "index", "value"]
    json: str = ""
    """The field, or the list that runs beside the entries."""
    behind: str = ""
    """What follows `[@index]`."""


def place(path: str, depth: int) -> Place:
    """A path seen from an entry that many levels below the root. PathError where it points nowhere."""
    level, rest = _scope(path, depth)
    if rest in {"@key", "@index"}:
        if level == 0:
            raise PathError(f"'{path}' is for entries of `records`; the root has neither key nor place")
        return Place(level, "key" if rest == "@key" else "index")
    if rest == "@value":
        if level != depth:
            raise PathError(f"'{path}': @value is the entry itself, and none above it")
        return Place(level, "value", "$")
    if _BESIDE in rest:
        return _beside(path, rest, level, depth)
    if "@" in rest[:1] or rest[:1] in {"$", "^"}:
        raise PathError(f"'{path}' is no path; there are '$.x', '^.x', '@key', '@index' and '@value'")
    return Place(level, "field", json_path(rest))


def _scope(path: str, depth: int) -> tuple[int, str]:
    """The level at which a path starts, and what is left of it."""
    if path.startswith("$."):
        return 0, path[2:]
    level, rest = depth, path
    while rest.startswith("^."):
        level, rest = level - 1, rest[2:]
    if level < 0:
        raise PathError(f"'{path}' goes above the root")
    return level, rest


def _beside(path: str, rest: str, level: int, depth: int) -> Place:
    if level == depth:
        raise PathError(f"'{path}': [@index] is for a list beside the entries; begin with '$.' or '^.'")
    before, _, behind = rest.partition(_BESIDE)
    return Place(level, "beside", json_path(before), json_path(behind.removeprefix(".")) if behind else "")


@dataclass(frozen=True, slots=True)
class Step:
    """One level of `each`: the container's JSON path, and whether it is an object."""

    json: str
    entries: bool

    @property
    def values(self) -> str:
        """JSON path of all its entries."""
        return self.json + (".*" if self.entries else "[*]")


def steps(each: str) -> tuple[Step, ...]:
    """`rooms[*].sensors.*` as its levels. PathError where it does not end in `[*]`, `.*` or `*`."""
    made: list[Step] = []
    before, end = "", 0
    while end < len(each):
        token = _EACH.match(each, end)
        if token is None:
            raise PathError(f"'{each}' cannot be read from '{each[end:]}' on")
        word, end = token.group(), token.end()
        if word in {"*", ".*", "[*]"}:
            made.append(Step(json_path(before.removeprefix(".")), entries=word != "[*]"))
            before = ""
        else:
            before = word.removeprefix("$").removeprefix(".") if not made else word
    if before or not made:
        raise PathError(f"'{each}' must end in '[*]' for the elements of an array or '.*' for the entries of an object")
    return tuple(made)
