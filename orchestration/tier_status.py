"""How far each tier is, from its own log: the last batch, when, and what it is behind the tier below.

Belongs here: one line a tier, and Bronze's positions and last commits.
Does not: workers and hub (`orchestration.fleet_status`), or the ledger (`assets.silver.audit`), which reads rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.gold.state import dirty_dates, dirty_quality_dates
from assets.silver import batches
from assets.silver.flags.state import dirty_flag_dates
from assets.silver.snapshot import snapshot
from assets.silver.unread import unread
from assets.warm.engine import WarmMissingError, engine_of
from assets.warm.staging import dirty_warm_dates
from assets.warm.state import newest_built
from ingest_workers import epoch
from ingest_workers.sink import Sink
from lake.store import Lake
from quality.contracts.tables import BATCHES, BRONZE_TELEMETRY, DATE_STATE, IDENTITY, READINGS
from settings.model import EventHubs, Settings

LOOKED_AT = 200
"""Entries of the Bronze log to look through for commits of workers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """One tier."""

    tier: str
    last: str
    """Version or batch."""
    at: datetime | None
    """When it was written."""
    newest: datetime | None
    """Newest event or date it holds."""
    behind: str
    """What of the tier below it has not taken in; empty where nothing."""


def positions(
    lake: Lake, hub: EventHubs, partitions: Sequence[str]
) -> tuple[int, dict[str, tuple[int, datetime] | None]]:
    """The hub's epoch, and for each partition the last number in Bronze and when that event was enqueued."""
    if not lake.exists(BRONZE_TELEMETRY):
        return hub.epoch, dict.fromkeys(partitions)
    table = lake.open(BRONZE_TELEMETRY)
    life = max(hub.epoch, epoch.recorded(table, hub.namespace, hub.hub))
    sink = Sink(lake, hub.namespace, hub.hub, life, "")
    held = {partition: table.transaction_version(sink.app_id(partition)) for partition in partitions}
    wanted = [
        (pc.field("partition_id") == partition) & (pc.field("sequence_number") == number)
        for partition, number in held.items()
        if number is not None
    ]
    if not wanted:
        return life, dict.fromkeys(partitions)
    of_hub = (pc.field("hub") == hub.hub) & (pc.field("epoch") == life)
    rows = table.to_pyarrow_dataset().to_table(
        columns=["partition_id", "enqueued_at"], filter=of_hub & reduce(or_, wanted)
    )
    enqueued = dict(zip(rows["partition_id"].to_pylist(), rows["enqueued_at"].to_pylist(), strict=True))
    return life, {
        partition: (int(number), enqueued.get(partition, datetime.fromtimestamp(0, UTC)))
        if number is not None
        else None
        for partition, number in held.items()
    }


def last_commits(lake: Lake, count: int) -> list[dict[str, Any]]:
    """The newest commits of workers, newest first; rewrites and clean-ups are passed over."""
    found = [
        {
            "version": int(commit["version"]),
            "at": _at(commit),
            "events": int(commit["events"]),
            "transport": commit.get("transport"),
            "origin": commit.get("origin"),
        }
        for commit in lake.open(BRONZE_TELEMETRY).history(LOOKED_AT)
        if "events" in commit and "origin" in commit
    ]
    return found[:count]


def tiers(lake: Lake, settings: Settings) -> list[Tier]:
    """The tiers that exist."""
    found = [_bronze(lake), _silver(lake), *_dated(lake), _warm(lake, settings)]
    return [tier for tier in found if tier is not None]


def _bronze(lake: Lake) -> Tier | None:
    if not lake.exists(BRONZE_TELEMETRY):
        return None
    table = lake.open(BRONZE_TELEMETRY)
    files = pa.table(table.get_add_actions(flatten=True))
    known = "max.enqueued_at" in files.column_names and files.num_rows
    commits = last_commits(lake, 1)
    return Tier(
        tier="bronze",
        last=f"version {table.version()}",
        at=commits[0]["at"] if commits else None,
        newest=pc.max(files["max.enqueued_at"]).as_py() if known else None,
        behind="",
    )


def _silver(lake: Lake) -> Tier | None:
    if not lake.exists(BATCHES) or not lake.exists(READINGS):
        return None
    state = snapshot(lake)
    newest = batches.last(lake.open(BATCHES))
    if newest is None:
        return None
    complete = state.batch if state else 0
    waiting = [f"batch {newest.batch} is half way"] if newest.batch > complete else []
    events = _beyond(lake, newest)
    waiting += [f"{events:,} events"] if events else []
    return Tier(
        tier="silver",
        last=f"batch {complete}",
        at=newest.planned_at,
        newest=_latest(datetime.fromtimestamp(us / 1e6, UTC) for us in newest.reached.values()),
        behind=", ".join(waiting),
    )


def _beyond(lake: Lake, newest: batches.Batch) -> int:
    """Events of Bronze past Silver's watermark; files that Silver has read to their end are not opened."""
    past = None
    seen = None
    for stream, number in newest.watermark.items():
        hub, partition, life = stream.rsplit("/", 2)
        same = (pc.field("hub") == hub) & (pc.field("partition_id") == partition) & (pc.field("epoch") == int(life))
        newer = same & (pc.field("sequence_number") > number)
        past = newer if past is None else past | newer
        seen = same if seen is None else seen | same
    files = unread(lake, lake.open(BRONZE_TELEMETRY), batches.bronze_mark(lake.open(BATCHES)))
    return int(files.count_rows(filter=None if past is None or seen is None else past | ~seen))


def _dated(lake: Lake) -> list[Tier | None]:
    if not lake.exists(DATE_STATE) or not lake.exists(IDENTITY):
        return []
    rows = lake.rows(DATE_STATE, columns=["lane", "date", "silver_batch", "loaded_at"]).to_pylist()
    dirty = {
        "readings": ("gold, readings", dirty_dates),
        "quality": ("gold, quality", dirty_quality_dates),
        "flags": ("silver, flags", dirty_flag_dates),
    }
    found: list[Tier | None] = []
    for lane, (name, asked) in dirty.items():
        mine = [row for row in rows if row["lane"] == lane]
        if not mine:
            continue
        due = asked(lake)
        found.append(
            Tier(
                tier=name,
                last=f"batch {max(row['silver_batch'] for row in mine)}",
                at=max(row["loaded_at"] for row in mine),
                newest=_latest(
                    datetime(row["date"].year, row["date"].month, row["date"].day, tzinfo=UTC) for row in mine
                ),
                behind=f"{len(due)} dates, oldest {min(due)}" if due else "",
            )
        )
    return found


def _warm(lake: Lake, settings: Settings) -> Tier | None:
    """What readers of the configured engine see; a server is asked once, not until it answers."""
    patience = {"attempts": 1, "login_timeout_seconds": min(5, settings.warm.login_timeout_seconds)}
    once = settings.model_copy(update={"warm": settings.warm.model_copy(update=patience)})
    engine = engine_of(once)
    try:
        at, newest = engine.read(newest_built)
    except WarmMissingError:
        return None
    except RuntimeError as error:
        return Tier(tier="warm", last=engine.location, at=None, newest=None, behind=f"does not answer: {error}")
    due = dirty_warm_dates(lake, once)
    return Tier(
        tier="warm",
        last=engine.location if settings.warm.engine == "sqlserver" else settings.warm_database.name,
        at=at.replace(tzinfo=UTC) if at else None,
        newest=datetime(newest.year, newest.month, newest.day, tzinfo=UTC) if newest else None,
        behind=f"{len(due)} dates, oldest {min(due)}" if due else "",
    )


def _at(commit: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(commit["timestamp"]) / 1000, UTC)


def _latest(instants: Iterable[datetime]) -> datetime | None:
    return max(instants, default=None)
