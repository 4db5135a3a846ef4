"""How much of what arrives is rejected, mapping by mapping, in the newest batches.

Belongs here: the shares, and which of them a person has to know of.
Does not: telling the person (`sensors.quarantine_spikes`), or what to do (docs/runbooks/quarantine-grows.md).

Batches count, not hours: a replay that mended an hour is itself a new batch, with a small share.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow.compute as pc

from assets.silver.snapshot import Snapshot
from lake.store import Lake
from quality.contracts.tables import BATCHES, DUPLICATES, QUARANTINE, READINGS
from settings.model import Silver

UNMAPPED = "(no mapping)"
"""In place of a mapping: events that none took. Their share is that of all rows."""
_CALM = 0.5
"""A spike is over when the share is below this part of its threshold: around the threshold nobody is called twice."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """One mapping in the newest batches: rows of Silver, and how many of them are in quarantine."""

    mapping: str
    rows: int
    rejected: int
    threshold: float
    commonest: str
    """The reason most of them have; empty where none is rejected."""

    @property
    def share(self) -> float:
        """Rejected rows of all rows, 0 to 1."""
        return self.rejected / self.rows if self.rows else 0.0


def shares(lake: Lake, state: Snapshot, settings: Silver, thresholds: Mapping[str, float]) -> list[Share]:
    """Every mapping that the newest batches hold rows of, the largest share first; `thresholds` by mapping."""
    first = state.batch - settings.quarantine_alert_batches
    log = lake.rows(BATCHES, columns=["batch", "hours"], where=pc.field("batch") > first).to_pylist()
    hours = sorted({hour for row in log if row["batch"] <= state.batch for hour in row["hours"]})
    wanted = pc.field("enqueued_hour").isin(hours) & (pc.field("silver_batch") > first)
    with duckdb.connect() as db:
        for name, table in (("accepted", READINGS), ("repeated", DUPLICATES), ("rejected", QUARANTINE)):
            columns = ["mapping_id", *(["reason"] if table is QUARANTINE else [])]
            rows = lake.dataset(table, getattr(state, table.name)).scanner(columns=columns, filter=wanted)
            db.register(name, rows.to_reader())
        found = db.execute(
            f"""
            with counted as (
                select mapping_id, '' as reason, count(*) as rows from accepted group by all
                union all select mapping_id, '', count(*) from repeated group by all
                union all select coalesce(mapping_id, '{UNMAPPED}'), reason, count(*) from rejected group by all
            )
            select mapping_id, sum(rows) as rows, coalesce(sum(rows) filter (reason <> ''), 0) as rejected,
                coalesce(arg_max(reason, rows) filter (reason <> ''), '') as commonest
            from counted group by mapping_id
            """
        ).fetchall()
    everything = sum(int(rows) for _, rows, _, _ in found)
    judged = [
        Share(
            mapping=mapping,
            rows=everything if mapping == UNMAPPED else int(rows),
            rejected=int(rejected),
            threshold=thresholds.get(mapping, settings.quarantine_alert_share),
            commonest=commonest,
        )
        for mapping, rows, rejected, commonest in found
    ]
    return sorted(judged, key=lambda each: (-each.share, each.mapping))


def spiking(found: Sequence[Share], before: Collection[str], least: int) -> set[str]:
    """Mappings whose share is a spike now; `before` are those that were, and stay until they have calmed down.

    A mapping of which nothing arrived is what it was: silence is no cure.
    """
    by_name = {each.mapping: each for each in found}
    begun = {each.mapping for each in found if each.rejected >= least and each.share >= each.threshold}
    going_on = {
        name for name in before if name not in by_name or by_name[name].share >= _CALM * by_name[name].threshold
    }
    return begun | going_on
