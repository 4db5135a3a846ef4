"""Quarantine replay: hours that hold rejected rows, recomputed with what is in force now (DESIGN, Silver 9).

Belongs here: choosing the hours, cutting them into groups of bounded size, doing the groups oldest first, and counting
what came of it. Each group is one `Promoter.replace`, so nothing is computed here and the ledger balances throughout.
Does not: the recomputation (`promote`), or who asks (Dagster's jobs, the command line).

No progress is kept: an hour that was made with the digest in force would come out the same, so it is passed over. A
replay that was killed goes on by being asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.silver import batches
from assets.silver.batches import Batch
from assets.silver.intake import in_hours
from assets.silver.promote import Promoter
from assets.silver.quarantined import Selection, open_rows
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, QUARANTINE, QUARANTINE_HISTORY, READINGS
from settings.failpoints import reach

HOURS_PER_GROUP = 24
"""A group is closed after so many hours, or before the hour that makes it larger than a batch."""

Told = Callable[[int, int], None]
"""Called after each group with the hours done and the hours there are."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a replay will do; `same` are hours that would come out as they are, so they are left alone."""

    digest: str
    rows: int
    """Open rows that match."""
    groups: tuple[tuple[str, ...], ...]
    same: tuple[str, ...]

    @property
    def hours(self) -> tuple[str, ...]:
        """Every hour that is recomputed, oldest first."""
        return tuple(hour for group in self.groups for hour in group)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a replay, in rows of quarantine."""

    batches: tuple[Batch, ...] = ()
    open_before: int = 0
    open_after: int = 0
    taken_back: int = 0
    newly_rejected: int = 0
    became: Mapping[str, int] = field(default_factory=dict)
    """What the rows taken back became."""

    @property
    def hours(self) -> tuple[str, ...]:
        """Hours written, those included that had to follow."""
        return tuple(sorted({hour for batch in self.batches for hour in batch.hours}))


def plan(promoter: Promoter, selection: Selection, *, all_hours: bool = False, force: bool = False) -> Plan:
    """The hours with matching open rows; with `all_hours` every hour in which the mapping made any row, good or bad.

    `force` takes hours that the digest in force has made, too: to mend a table that was damaged.
    """
    lake = promoter.lake
    found = open_rows(lake, selection)
    wanted = set(_hours_made(lake, selection) if all_hours else found)
    state = snapshot(lake)
    made_with = batches.hour_digests(lake, state.batch) if state else {}
    same = set() if force else {hour for hour in wanted if made_with.get(hour) == promoter.canonicaliser.digest}
    return Plan(
        digest=promoter.canonicaliser.digest,
        rows=sum(found.values()),
        groups=groups(sizes(lake, wanted - same), promoter.settings.batch_events),
        same=tuple(sorted(same)),
    )


def run(promoter: Promoter, selection: Selection, planned: Plan, told: Told = lambda _done, _total: None) -> Result:
    """Carry out a plan; hours that an earlier group had to take along are not done twice."""
    done: list[Batch] = []
    written: set[str] = set()
    for group in planned.groups:
        if waiting := [hour for hour in group if hour not in written]:
            batch = promoter.replace(waiting)
            done += [batch] if batch else []
            written |= set(batch.hours if batch else waiting)
            reach("silver.replay.after_group")
        told(len(written & set(planned.hours)), len(planned.hours))
    became, newly = _changes(promoter.lake, [batch.batch for batch in done])
    return Result(
        batches=tuple(done),
        open_before=planned.rows,
        open_after=sum(open_rows(promoter.lake, selection).values()),
        taken_back=sum(became.values()),
        newly_rejected=newly,
        became=became,
    )


def groups(sizes: Mapping[str, int], limit: int) -> tuple[tuple[str, ...], ...]:
    """Hours, oldest first, in groups of at most `limit` events and HOURS_PER_GROUP hours; one hour may be larger."""
    found: list[list[str]] = []
    size = 0
    for hour in sorted(sizes):
        if not found or size + sizes[hour] > limit or len(found[-1]) == HOURS_PER_GROUP:
            found.append([])
            size = 0
        found[-1].append(hour)
        size += sizes[hour]
    return tuple(map(tuple, found))


def sizes(lake: Lake, hours: Collection[str]) -> dict[str, int]:
    """Events of each hour."""
    if not hours:
        return {}
    events = lake.dataset(BRONZE_TELEMETRY).scanner(columns=["enqueued_at"], filter=in_hours(sorted(hours)))
    counted = _counted(events.to_reader(), "strftime(enqueued_at, '%Y-%m-%d-%H')")
    return dict.fromkeys(hours, 0) | counted


def _hours_made(lake: Lake, selection: Selection) -> set[str]:
    """Hours of the selection in which its mapping accepted, rejected or repeated anything; without one, every hour."""
    state = snapshot(lake)
    if state is None:
        return set()
    wanted = pc.field("mapping_id") == selection.mapping if selection.mapping else pc.scalar(value=True)
    for clause in selection.within():
        wanted &= clause
    versions = {READINGS: state.readings, QUARANTINE: state.quarantine, DUPLICATES: state.duplicates}
    found: set[str] = set()
    for table, version in versions.items():
        rows = lake.dataset(table, version).scanner(columns=["enqueued_hour"], filter=wanted)
        found |= set(_counted(rows.to_reader(), "enqueued_hour"))
    return found


def _changes(lake: Lake, numbers: list[int]) -> tuple[dict[str, int], int]:
    """What rows that these batches took back became, and how many they rejected newly."""
    if not numbers or not lake.exists(QUARANTINE_HISTORY):
        return {}, 0
    of_batches = pc.field("silver_batch").isin(numbers)
    rows = lake.dataset(QUARANTINE_HISTORY).scanner(columns=["became"], filter=of_batches)
    counted = _counted(rows.to_reader(), "coalesce(became, '')")
    newly = counted.pop("", 0)
    return counted, newly


def _counted(rows: pa.RecordBatchReader, expression: str) -> dict[str, int]:
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        db.register("given", rows)
        return dict(db.execute(f"select {expression}, count(*) from given group by all order by all").fetchall())
