"""Many small files of a closed partition become few large ones; no row changes.

Belongs here: one rewrite as one commit, and what happens when a writer was there first.
Does not: which partitions (`survey`), or deleting the old files (`retention`): versions that name them stay readable.

A rewrite and an append do not meet: Delta rebases either. A rewrite and a replacement of the same rows do: whoever
commits second is refused. A writer of ours then reads the head again and writes; a rewrite is given up for today.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from deltalake import CommitProperties, WriterProperties
from deltalake.exceptions import CommitFailedError

from assets.maintenance.survey import Part, parts
from lake.store import Lake
from quality.contracts.model import Table
from settings.failpoints import reach

log = structlog.get_logger()

WRITER = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=131_072)
"""As everywhere in the lake; row groups small enough that a reader of one hour passes over most of a day."""
SORTED_BYTES = 8 * 2**30
"""A partition beyond this is compacted in the order it was written instead of sorted: sorting takes it as a whole."""
KIND = "maintenance"
"""Key in the commit's metadata."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One partition before and after."""

    before: Part
    after: Part
    refused: str = ""
    """Why nothing was done, where a writer was there first."""


def rewrite(lake: Lake, table: Table, part: Part) -> Rewritten:
    """Rewrite one partition in one commit.

    Never raises for a conflict: another commit changed what was being rewritten, and the partition is hot after all.
    """
    try:
        after = _attempt(lake, table, part)
    except CommitFailedError as conflict:
        log.info("maintenance.refused", table=table.path, partition=part.value, why=str(conflict))
        return Rewritten(part, part, refused=str(conflict))
    return Rewritten(part, after)


def _attempt(lake: Lake, table: Table, part: Part) -> Part:
    policy = table.maintenance
    target = lake.open(table)
    where = [(table.partition_by[0], "=", part.value)] if table.partition_by else None
    kind = "sort" if policy.order_by and sum(part.sizes) <= SORTED_BYTES else "compact"
    options = {
        "partition_filters": where,
        "target_size": policy.file_mb * 2**20,
        "writer_properties": WRITER,
        "commit_properties": CommitProperties(custom_metadata={KIND: kind}),
    }
    reach("maintenance.before_rewrite")
    if kind == "sort":
        target.optimize.z_order(list(policy.order_by), **options)
    else:
        target.optimize.compact(**options)
    reach("maintenance.after_rewrite")
    return next(found for found in parts(lake.open(table), table) if found.value == part.value)
