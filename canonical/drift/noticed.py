"""What was noticed in the events of one batch, added up.

Belongs here: one line a mapping, digest, enqueued hour, kind and field, with the first event that showed it, how many
did, and what the field held. Bounded: fields beyond `MOST_FIELDS` of a mapping and hour are one line `…others`.
Does not: noticing (`observation`), or the table (`assets.silver.drift`).

Adding up does not depend on the order or the cut of the events, but for which fields are beyond the bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from canonical.drift.structures import OTHERS, Finding

MOST_FIELDS = 200
SHOWN_CHARACTERS = 200
NAME_CHARACTERS = 300

Event = tuple[Any, ...]
"""Position of an event: enqueued_at, hub, partition_id, epoch, sequence_number."""


@dataclass(slots=True)
class Line:
    """How often something was seen, first and last when, and what it was the first time."""

    first: Event
    last: Any
    events: int
    example: str | None


@dataclass(frozen=True, slots=True)
class What:
    """What a line is about."""

    mapping_id: str
    digest: str
    enqueued_hour: str
    policy: str
    finding: Finding


@dataclass(slots=True)
class Noticed:
    """The lines of one batch."""

    lines: dict[What, Line] = field(default_factory=dict)
    _fields: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, what: What, line: Line) -> None:
        """Count events; the smallest position is the first event."""
        what = self._bounded(what)
        known = self.lines.get(what)
        if known is None:
            example = None if line.example is None else line.example[:SHOWN_CHARACTERS]
            self.lines[what] = Line(line.first, line.last, line.events, example)
            return
        known.events += line.events
        known.last = max(known.last, line.last)
        if line.first < known.first:
            known.first, known.example = line.first, line.example and line.example[:SHOWN_CHARACTERS]

    def _bounded(self, what: What) -> What:
        finding = what.finding
        if what in self.lines or finding.kind in {"present", "missing_field"}:
            return what
        place = (what.mapping_id, what.digest, what.enqueued_hour)
        count = self._fields.get(place, 0)
        if count < MOST_FIELDS and len(finding.field) <= NAME_CHARACTERS:
            self._fields[place] = count + 1
            return what
        others = Finding(finding.kind, OTHERS, "", "")
        return What(what.mapping_id, what.digest, what.enqueued_hour, what.policy, others)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The lines as rows."""
        for what, line in self.lines.items():
            enqueued_at, hub, partition_id, epoch, sequence_number = line.first
            yield {
                "mapping_id": what.mapping_id,
                "digest": what.digest,
                "enqueued_hour": what.enqueued_hour,
                "kind": what.finding.kind,
                "field": what.finding.field,
                "expected": what.finding.expected,
                "seen": what.finding.seen,
                "policy": what.policy,
                "hub": hub,
                "partition_id": partition_id,
                "epoch": epoch,
                "sequence_number": sequence_number,
                "first_enqueued_at": enqueued_at,
                "last_enqueued_at": line.last,
                "events": line.events,
                "example": line.example,
            }
