"""What no reader needs any more goes: old data files, orphans of crashed writers, old log entries.

Belongs here: checkpoint, vacuum and log clean-up of one table, and which versions may not go.
Does not: deleting rows (retention of data is another matter), or rewriting files (`compaction`).

Vacuum is full, so that a file written and never committed goes too; it spares every file younger than the policy's
days, committed or not, and a flush takes seconds. The policy cannot say less than seven days, and Delta is asked to
enforce it.
"""

from __future__ import annotations

from dataclasses import dataclass

from assets.silver import batches
from assets.silver.snapshot import pinned
from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import BATCHES, DUPLICATES, QUARANTINE, READINGS

CHECKPOINT_AFTER = 10
"""Log entries behind the last checkpoint that make another one worth it."""


@dataclass(frozen=True, slots=True)
class Retired:
    """What was cleaned up."""

    deleted: int = 0
    """Data files."""
    checkpointed: bool = False
    kept_versions: tuple[int, ...] = ()
    """Versions that an unfinished Silver batch names: their files and log entries stay, however old."""


def versions_in_use(lake: Lake, table: Table) -> tuple[int, ...]:
    """Versions that the newest Silver plan names while it is not carried out: whoever finishes it reads them."""
    if table not in {READINGS, QUARANTINE, DUPLICATES} or not lake.exists(BATCHES):
        return ()
    planned = batches.last(lake.open(BATCHES))
    if planned is None or pinned(lake, planned.batch) is not None:
        return ()
    return (int(getattr(planned, f"{table.name}_version")),)


def retire(lake: Lake, table: Table, entries: int) -> Retired:
    """Vacuum, checkpoint and clean the log; `entries` are the log entries that opening the table takes."""
    kept = versions_in_use(lake, table)
    hours = table.maintenance.vacuum_days * 24
    target = lake.open(table)
    old = target.vacuum(hours, dry_run=True, full=True, keep_versions=list(kept) or None)
    if old:
        target.vacuum(hours, dry_run=False, full=True, keep_versions=list(kept) or None)
    target = lake.open(table)
    due = entries >= CHECKPOINT_AFTER
    if due:
        target.create_checkpoint()
    if not kept:
        target.cleanup_metadata()
    return Retired(deleted=len(old), checkpointed=due, kept_versions=kept)
