"""Events that the hub gave up before we read them: recorded once, said once, never waited for.

Belongs here: `Gap`, the holes of a flush, and their rows in `bronze.lost`.
Does not: believing a hole (`receiver.Cursor` does, once the broker has shown it twice), or the ledger that counts it.

The commit that steps over a hole names it in its own metadata, so the two are one. The row follows; where it did not,
because the worker was killed in between, the next worker finds the hole in the table's history.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import pyarrow as pa
import structlog
from deltalake import DeltaTable

from ingest_workers.events import Events
from lake.fence import on_fresh_table, once, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import LOST
from settings.clock import now

log = structlog.get_logger(__name__)

METADATA = "lost"
"""Key of a commit's metadata."""
Why: TypeAlias = Literal["expired", "void"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers without an event."""

    partition_id: str
    first: int
    last: int
    why: Why = "expired"
    """`expired`: the hub no longer held them when they were to be read. `void`: they never were events."""

    @property
    def events(self) -> int:
        """How many events were lost."""
        return self.last - self.first + 1 if self.why == "expired" else 0


def gaps(events: Events, held: int | None) -> list[Gap]:
    """Holes before and between ascending numbers; before the first event Bronze ever held there is none.

    Numbers the broker gave to no event (`Events.void`) are no holes.
    """
    numbers = events.sequence_number
    before = numbers[0] - 1 if held is None else held
    if numbers[-1] - before == len(numbers):
        return []
    void = set(events.void)
    return [
        Gap(events.partition_id, first, last)
        for earlier, later in zip([before, *numbers], numbers, strict=False)
        if later > earlier + 1 and (earlier + 1, later - 1) not in void
        for first, last in _without(earlier + 1, later - 1, void)
    ]


def voids(events: Events, held: int | None) -> list[Gap]:
    """Numbers past `held` that never were events: no loss, but nothing anybody should look for either."""
    floor = events.sequence_number[0] - 1 if held is None else held
    return [
        Gap(events.partition_id, max(first, floor + 1), last, "void")
        for first, last in sorted(set(events.void))
        if floor < last < events.sequence_number[-1]
    ]


def _without(first: int, last: int, void: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of a range without others."""
    left = [(first, last)]
    for begin, end in void:
        parts = [part for low, high in left for part in ((low, min(high, begin - 1)), (max(low, end + 1), high))]
        left = [(low, high) for low, high in parts if low <= high]
    return left


def as_metadata(found: Iterable[Gap]) -> dict[str, str]:
    """What a commit says about the holes it steps over."""
    listed = [[gap.partition_id, gap.first, gap.last, gap.why] for gap in found]
    return {METADATA: json.dumps(listed)} if listed else {}


@dataclass(frozen=True)
class LostEvents:
    """`bronze.lost`, for one life of one hub."""

    lake: Lake
    namespace: str
    hub: str
    epoch: int

    def record(self, found: Iterable[Gap]) -> None:
        """Write each hole once, whoever asks and how often; says it where it is written.

        Raises: what the store raises; asking again finishes the rest.
        """
        found = list(found)
        self._record_voids([gap for gap in found if gap.why == "void"])
        for gap in found:
            if gap.why == "void":
                continue
            app_id = f"lost/{self.namespace}/{self.hub}/{gap.partition_id}/{self.epoch}/{gap.first}"
            if once(self.lake, LOST, app_id, gap.last, partial(self._table, [gap])):
                log.error(
                    "the hub no longer held these events: they are lost",
                    recovers="needs you",
                    todo="docs/runbooks/events-lost.md",
                    hub=self.hub,
                    partition=gap.partition_id,
                    epoch=self.epoch,
                    first=gap.first,
                    last=gap.last,
                    events=gap.events,
                )

    def _record_voids(self, found: list[Gap]) -> None:
        """All of a flush in one commit: a producer that uses transactions leaves one with each of them."""
        if not found:
            return

        def attempt(table: DeltaTable) -> None:
            new: list[Gap] = []
            transactions: dict[str, int] = {}
            for gap in sorted(found, key=lambda gap: gap.first):
                app_id = f"void/{self.namespace}/{self.hub}/{gap.partition_id}/{self.epoch}"
                held = table.transaction_version(app_id)
                if held is None or gap.first > held:
                    new.append(gap)
                    transactions[app_id] = gap.last
            if new:
                write(table, self._table(new), transactions)

        on_fresh_table(self.lake, LOST, attempt)

    def recover(self, bronze: DeltaTable, commits: int) -> None:
        """Record what a worker that was killed left in the last `commits` commits of Bronze."""
        origin = f"{self.namespace}/{self.hub}/{self.epoch}"
        for commit in bronze.history(commits):
            if commit.get("origin") == origin and METADATA in commit:
                self.record(Gap(*named) for named in json.loads(commit[METADATA]))

    def _table(self, found: list[Gap]) -> pa.Table:
        rows = [
            {
                "hub": self.hub,
                "partition_id": gap.partition_id,
                "epoch": self.epoch,
                "first_sequence_number": gap.first,
                "last_sequence_number": gap.last,
                "events": gap.events,
                "why": gap.why,
                "noticed_at": now(),
            }
            for gap in found
        ]
        return pa.Table.from_pylist(rows, schema=arrow_schema(LOST))
