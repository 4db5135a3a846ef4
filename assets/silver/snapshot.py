"""Silver as of its last complete batch: what every reader, check and sensor uses.

Belongs here: finding, in each of the three tables, the Delta version that holds exactly that batch. Delta commits one
table at a time; this is the substitute for a commit over all three.
Does not: writing, or reading rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from deltalake import DeltaTable

from assets.silver.batches import APP_ID, held
from lake.store import Lake
from quality.contracts.tables import DUPLICATES, QUARANTINE, READINGS


@dataclass(frozen=True)
class Snapshot:
    """Last complete batch and the Delta version of each table that holds exactly it."""

    batch: int
    readings: int
    quarantine: int
    duplicates: int


def snapshot(lake: Lake) -> Snapshot | None:
    """Silver's consistent state; None before the first complete batch."""
    if not lake.exists(READINGS):
        return None
    heads = _heads(lake)
    complete = min(map(held, heads.values()))
    return _at(heads, complete) if complete else None


def pinned(lake: Lake, batch: int) -> Snapshot | None:
    """The versions that hold exactly `batch`, None where it is not complete; batch 0 is the empty Silver."""
    heads = _heads(lake)
    return _at(heads, batch) if min(map(held, heads.values())) >= batch else None


def _heads(lake: Lake) -> dict[str, DeltaTable]:
    return {table.name: lake.open(table) for table in (READINGS, QUARANTINE, DUPLICATES)}


def _at(heads: dict[str, DeltaTable], batch: int) -> Snapshot:
    return Snapshot(batch=batch, **{name: version_of(head, batch) for name, head in heads.items()})


def version_of(target: DeltaTable, batch: int) -> int:
    """The version of a table that holds what complete batches up to `batch` wrote, and nothing later."""
    if held(target) <= batch:
        return int(target.version())
    # A later batch is half way: step back to just before its first commit here. Compaction commits carry no batch
    # number and change no row, so only numbered commits count.
    before = int(target.version())
    for commit in target.history():
        if int(commit.get(APP_ID, batch + 1)) <= batch:
            break
        if APP_ID in commit:
            before = int(commit["version"]) - 1
    return before
