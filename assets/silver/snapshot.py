"""Silver as of its last complete batch: what every reader, check and sensor uses.

Belongs here: finding, in each of the three tables, the Delta version that holds exactly that batch. Delta commits one
table at a time; this is the substitute for a commit over all three.
Does not: writing, or reading rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from assets.silver.batches import APP_ID, held
from lake.store import Lake
from quality.contracts.model import Table
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
    complete = min(held(lake.open(table)) for table in (READINGS, QUARANTINE, DUPLICATES))
    if complete == 0:
        return None
    return pinned(lake, complete)


def pinned(lake: Lake, batch: int) -> Snapshot:
    """The versions that hold exactly `batch`, which must be complete; batch 0 is the empty Silver."""
    return Snapshot(
        batch=batch,
        readings=_version(lake, READINGS, batch),
        quarantine=_version(lake, QUARANTINE, batch),
        duplicates=_version(lake, DUPLICATES, batch),
    )


def _version(lake: Lake, table: Table, batch: int) -> int:
    target = lake.open(table)
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
