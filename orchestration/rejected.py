"""Questions about quarantine, for the command line.

Belongs here: summaries and look-ups over `silver.quarantine` at the last complete batch.
Does not: replay, which is materializing the hours (`assets.silver.asset`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.silver.snapshot import snapshot
from lake.store import Lake
from orchestration.trace import is_event
from quality.contracts.tables import EVENT_NAMES, QUARANTINE
from settings.model import Settings

_ROW = (*EVENT_NAMES, "index", "enqueued_at", "reason", "field", "value", "message", "mapping_id")


def summarised(settings: Settings) -> list[dict[str, Any]]:
    """Rows and events per mapping and reason, most first."""
    return _asked(
        settings,
        """
        select mapping_id, reason, count(*) as rows,
            count(distinct (hub, partition_id, epoch, sequence_number)) as events,
            min(enqueued_at) as first, max(enqueued_at) as last
        from quarantine group by mapping_id, reason order by rows desc, reason
        """,
        (*EVENT_NAMES, "enqueued_at", "reason", "mapping_id"),
    )


def listed(settings: Settings, *, reason: str | None, mapping: str | None, limit: int) -> list[dict[str, Any]]:
    """Newest rows, at most `limit`."""
    where = None
    for name, wanted in (("reason", reason), ("mapping_id", mapping)):
        if wanted is not None:
            clause = pc.field(name) == wanted
            where = clause if where is None else where & clause
    rows = _asked(
        settings,
        """
        select * from quarantine
        order by enqueued_at desc, hub, partition_id, sequence_number desc, index limit $limit
        """,
        _ROW,
        where,
        {"limit": limit},
    )
    return [{"event": _named(row), **row} for row in rows]


def of_event(settings: Settings, event: str) -> list[dict[str, Any]]:
    """Every quarantine row of one event, with its bytes."""
    rows = _asked(settings, "select * from quarantine order by index", QUARANTINE.names, is_event(event))
    return [{"event": event, **row} for row in rows]


def _named(row: dict[str, Any]) -> str:
    return "/".join(str(row[name]) for name in EVENT_NAMES)


def _asked(
    settings: Settings,
    query: str,
    columns: Sequence[str],
    where: ds.Expression | None = None,
    parameters: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    lake = Lake.of(settings)
    state = snapshot(lake)
    if state is None:
        return []
    scanner = lake.dataset(QUARANTINE, state.quarantine).scanner(columns=list(columns), filter=where)
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        db.register("quarantine", scanner.to_reader())
        result = db.execute(query, parameters or {})
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
