"""One table, maintained: survey, rewrite what is closed, clean up, and say what it came to.

Belongs here: the order of the three and the report.
Does not: Dagster (`asset`), or the schedule (`orchestration.schedules`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from assets.maintenance.compaction import rewrite
from assets.maintenance.retention import retire
from assets.maintenance.survey import log_requests, parts, requests, why_hot, worth_rewriting
from lake.store import Lake
from quality.contracts.model import Table
from settings.clock import now

SECONDS = 3600.0
"""After so long a table begins no further partition; the rest is for tomorrow, oldest first."""

Said = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What maintenance of one table came to; counts of requests as `survey` explains."""

    table: str
    rewritten: tuple[str, ...] = ()
    """Partitions."""
    hot: tuple[str, ...] = ()
    """Partitions that would be worth it and are still written to, with the reason."""
    refused: tuple[str, ...] = ()
    """Partitions where a writer was there first."""
    left: int = 0
    """Partitions for which there was no time."""
    files_before: int = 0
    files_after: int = 0
    read_requests_before: int = 0
    """Requests of one full read of the table."""
    read_requests_after: int = 0
    open_requests_before: int = 0
    """Log objects that opening the table takes."""
    open_requests_after: int = 0
    log_objects_before: int = 0
    log_objects_after: int = 0
    deleted: int = 0
    checkpointed: bool = False
    kept_versions: tuple[int, ...] = ()
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON and for metadata."""
        return asdict(self)


def maintain(lake: Lake, table: Table, said: Said = lambda _: None, *, seconds: float = SECONDS) -> Report | None:
    """Maintain one table; None where it does not exist yet."""
    if not lake.exists(table):
        return None
    begun = time.monotonic()
    found = parts(lake.open(table), table)
    opening, entries = log_requests(lake, table)
    rewritten: list[str] = []
    refused: list[str] = []
    hot: list[str] = []
    left = 0
    for part in [part for part in found if worth_rewriting(table, part)]:
        name = part.value or "all"
        if (why := why_hot(table, part, now())) is not None:
            hot.append(f"{name}: {why}")
        elif time.monotonic() - begun > seconds:
            left += 1
        else:
            outcome = rewrite(lake, table, part)
            (refused if outcome.refused else rewritten).append(name)
            said(f"{table.path} {name}: {len(part.sizes)} files became {len(outcome.after.sizes)}")
    retired = retire(lake, table, opening)
    after = parts(lake.open(table), table)
    opening_after, entries_after = log_requests(lake, table)
    return Report(
        table=table.path,
        rewritten=tuple(rewritten),
        hot=tuple(hot),
        refused=tuple(refused),
        left=left,
        files_before=sum(len(part.sizes) for part in found),
        files_after=sum(len(part.sizes) for part in after),
        read_requests_before=requests(found),
        read_requests_after=requests(after),
        open_requests_before=opening,
        open_requests_after=opening_after,
        log_objects_before=entries,
        log_objects_after=entries_after,
        deleted=retired.deleted,
        checkpointed=retired.checkpointed,
        kept_versions=retired.kept_versions,
        seconds=round(time.monotonic() - begun, 3),
    )
