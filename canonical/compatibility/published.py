"""What was published, and whether what is there now may follow it.

Belongs here: the committed record `canonical/schemas/published.json`, the check against it, and writing it.
Does not: telling changes (`registered.compared`).

A message schema is frozen once published: a change is a new version, which must not break the one before. A mapping
spec may change if its `version` rises. A table may only change so that its readers do not break, unless the break is
accepted by name.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canonical.compatibility.change import breaking
from canonical.compatibility.registered import Registered, compared
from canonical.schemas.registry import FOLDER

RECORD = FOLDER / "published.json"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What stands against publishing what is there now (`refused`), and what waits to be recorded (`waiting`)."""

    refused: tuple[str, ...]
    waiting: tuple[str, ...]


def read(text: str) -> dict[str, Registered]:
    """A record, by name. ValueError where an entry is not what its hash says."""
    found: dict[str, Registered] = {}
    for entry in json.loads(text)["published"]:
        one = Registered(entry["kind"], entry["name"], entry["data"])
        if one.sha256 != entry["sha256"]:
            raise ValueError(f"published.json: {one.name} was edited by hand; restore it from git")
        found[one.name] = one
    return found


def published(file: Path = RECORD) -> dict[str, Registered]:
    """The record in this checkout; empty where there is none yet."""
    return read(file.read_text()) if file.exists() else {}


def written(things: Mapping[str, Registered]) -> str:
    """The record as text: one entry a line, so that a change of one is a line in a diff."""
    entries = [_line(things[name]) for name in sorted(things, key=lambda n: (things[n].kind, n))]
    return '{"published": [\n' + ",\n".join(entries) + "\n]}\n"


def _line(one: Registered) -> str:
    entry: dict[str, Any] = {"kind": one.kind, "name": one.name, "sha256": one.sha256, "data": one.data}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def check(now: Mapping[str, Registered], before: Mapping[str, Registered], accepted: Collection[str] = ()) -> Verdict:
    """Judge everything that is there now against what was published."""
    refused: list[str] = []
    waiting: list[str] = []
    for name, one in now.items():
        known = before.get(name)
        if known is not None and known.data == one.data:
            continue
        waiting.append(name)
        if name not in accepted:
            refused += _frozen(known, one) if known is not None else _following(one, now)
    for name, one in before.items():
        if name not in now and name not in accepted:
            refused.append(f"{name} ({_KINDS[one.kind]}) was published and is gone: {_GONE[one.kind]}")
    return Verdict(tuple(refused), tuple(waiting))


_KINDS = {"protobuf": "message", "json_schema": "JSON Schema", "mapping": "mapping", "table": "table"}
_GONE = {
    "protobuf": "devices still send it; register it again",
    "json_schema": "devices still send it; register it again",
    "mapping": "rows of Silver name it; keep it, or accept its end by name",
    "table": "queries read it; keep it, or accept its end by name",
}


def _frozen(known: Registered, one: Registered) -> list[str]:
    found = compared(known, one)
    if one.kind in {"protobuf", "json_schema"}:
        said = "; ".join(change.says for change in found) or "its layout"
        following = f"{one.subject}.v{one.version + 1}"
        return [f"{one.name} was published and is frozen, but changed ({said}). Register it as {following} instead."]
    return [f"{one.name}: {change.sentence}" for change in breaking(found)]


def _following(one: Registered, now: Mapping[str, Registered]) -> list[str]:
    """Whether a new version of a schema may follow the one before it."""
    if one.kind not in {"protobuf", "json_schema"}:
        return []
    earlier = [other for other in now.values() if (other.kind, other.subject) == (one.kind, one.subject)]
    earlier = [other for other in earlier if other.version < one.version]
    if not earlier:
        return []
    last = max(earlier, key=lambda other: other.version)
    return [f"{one.name} does not follow {last.name}: {change.sentence}" for change in breaking(compared(last, one))]
