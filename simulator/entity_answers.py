"""What should come of the simulated extracts: outcomes per file, keys and versions per entity.

Belongs here: the answer key, computed from the simulated world alone and in another way than the product does.
Does not: the world (`entities`).
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

Row = dict[str, Any]


class Answers:
    """Collects what was written."""

    def __init__(self) -> None:
        self._files: list[dict[str, Any]] = []
        self._seen: dict[str, list[tuple[date, dict[str, Row], bool]]] = defaultdict(list)

    def file(self, name: str, entity: str, good: int, faults: Mapping[str, int]) -> None:
        """One file as one entity's: how many rows are sound, and the reasons of the others."""
        self._files.append({"file": name, "entity": entity, "accepted": good, "reasons": dict(sorted(faults.items()))})

    def observe(self, entity: str, day: date, rows: Mapping[str, Row], *, whole: bool) -> None:
        """What a day's extract says; `whole`: keys it does not name have ceased to be."""
        self._seen[entity].append((day, copy.deepcopy(dict(rows)), whole))

    def as_dict(self) -> dict[str, Any]:
        """Files, and per entity how many keys there are now and how many versions there ever were."""
        return {"files": self._files, "entities": {name: _counted(seen) for name, seen in self._seen.items()}}


def _counted(seen: list[tuple[date, dict[str, Row], bool]]) -> dict[str, int]:
    now: dict[str, Row] = {}
    versions = 0
    for _, rows, whole in sorted(seen, key=lambda one: one[0]):
        if whole:
            now = {key: row for key, row in now.items() if key in rows}
        versions += sum(now.get(key) != row for key, row in rows.items())
        now |= rows
    return {"current": len(now), "versions": versions}
