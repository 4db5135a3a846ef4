"""Schema drift of Silver: what each batch noticed, and what of it still is drift.

Belongs here: the rows of `silver.schema_drift`, committed once with their batch, and the sentences people read.
Does not: noticing (`canonical.drift`), or rejecting (a row rule).

A batch writes what it saw in the hours it wrote: appended with an append, swapped with a replacement. So the counts of
an hour are those of its events whatever was cut, killed or rebuilt. Readers take the last complete batch.
Whether something still is drift is asked of the specs in force: a field that was mapped since is none any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from assets.silver.batches import APP_ID, Batch
from assets.silver.snapshot import snapshot, version_of
from canonical.drift.known import Known
from canonical.drift.noticed import Noticed
from canonical.drift.of_spec import known
from canonical.drift.structures import OTHERS
from canonical.spec_model import MappingSpec
from lake.fence import once
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import EVENT_NAMES, SCHEMA_DRIFT

STOPPED = 10
"""A field that used to come no longer does when so many events that should have had it had none."""
RECENT = "7 days"
"""What was last seen longer before the newest event than this is history, not drift."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """One thing that drifts, over all batches."""

    mapping_id: str
    kind: str
    field: str
    expected: str
    seen: str
    policy: str
    event: str
    """The first such event."""
    example: str | None
    first_enqueued_at: datetime
    last_enqueued_at: datetime
    events: int
    of_events: int
    """Events of the mapping that were looked at."""

    @property
    def sentence(self) -> str:
        """What a person has to know."""
        where = f"`{self.field}` of {self.mapping_id}"
        shown = f", {self.example}" if self.example is not None else ""
        count = f"{self.events:,} of {self.of_events:,} events looked at"
        since = f"since {self.first_enqueued_at:%Y-%m-%d %H:%M}"
        if self.kind == "missing_field":
            return f"{where} no longer comes: {count} had none {since}; the first is {self.event}"
        if self.field == OTHERS:
            what = f"{self.mapping_id} has more that is new or of another type than is counted field by field"
        elif self.kind == "changed_type":
            what = f"{where} is {self.seen} where the mapping expects {self.expected or 'something else'}"
        else:
            kind = f" ({self.seen})" if self.seen else ""
            what = f"`{self.field}`{kind} of {self.mapping_id} is new"
        return f"{what}: in {count} {since}; the first is {self.event}{shown}"

    @property
    def next(self) -> str:
        """What to do about it."""
        if self.kind == "new_field":
            return "map it, or list it under `ignore`"
        if self.kind == "changed_type":
            return "ask the sender, or say in the mapping how it is written"
        return "ask the sender, or take it out of the mapping"


def commit(lake: Lake, planned: Batch, noticed: Noticed, predicate: str | None) -> None:
    """Write what a batch noticed, once; `predicate` names the hours it replaces."""
    rows = rows_of(noticed, planned.batch)
    if predicate is not None:
        once(lake, SCHEMA_DRIFT, APP_ID, planned.batch, lambda: rows, mode="overwrite", predicate=predicate)
    elif rows.num_rows:
        once(lake, SCHEMA_DRIFT, APP_ID, planned.batch, lambda: rows)


def rows_of(noticed: Noticed, batch: int) -> pa.Table:
    """The rows of `silver.schema_drift` that a batch writes."""
    rows = [{**row, "silver_batch": batch} for row in noticed.rows()]
    return pa.Table.from_pylist(rows, schema=arrow_schema(SCHEMA_DRIFT)).sort_by("enqueued_hour")


def drifts(lake: Lake, specs: Iterable[MappingSpec], mapping: str | None = None) -> list[Drift]:
    """What drifts by the specs given, at the last complete batch: mapping by mapping, most events first."""
    state = snapshot(lake)
    if state is None or not lake.exists(SCHEMA_DRIFT):
        return []
    fields = {spec.id: (spec, known(spec)) for spec in specs if mapping in {None, spec.id}}
    rows = lake.dataset(SCHEMA_DRIFT, version_of(lake.open(SCHEMA_DRIFT), state.batch))
    return [drift for row in _found(rows.scanner().to_reader()) if (drift := _judged(row, fields))]


def _judged(row: dict[str, Any], fields: dict[str, tuple[MappingSpec, Known]]) -> Drift | None:
    if row["mapping_id"] not in fields:
        return None
    spec, tree = fields[row["mapping_id"]]
    if tree.settles(row["kind"], row["field"], row["seen"]):
        return None
    return Drift(policy=spec.drift.policy(row["kind"], row["field"]), **row)


def _found(rows: pa.RecordBatchReader) -> Sequence[dict[str, Any]]:
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        db.register("_rows", rows)
        db.execute("create table seen as from _rows")
        result = db.execute(_DRIFT, {"stopped": STOPPED})
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


_EVENT = f"concat_ws('/', {', '.join(EVENT_NAMES)})"
_FIRST = f"first_enqueued_at, {', '.join(EVENT_NAMES)}"
_DRIFT = f"""
with looked as (
    select mapping_id, max(events) as of_events from (
        select mapping_id, field, sum(events) as events from seen
        where kind in ('present', 'missing_field') group by all
    ) group by all
), newest as (
    select mapping_id, max(last_enqueued_at) as newest from seen group by all
), came as (
    select mapping_id, field, max(last_enqueued_at) as last_came, sum(events) as events
    from seen where kind = 'present' group by all
), absent as (
    select seen.*, came.events as came, first_enqueued_at > last_came as since
    from seen join came using (mapping_id, field) where kind = 'missing_field'
), stopped as (
    select mapping_id, field from absent group by all
    having any_value(came) * sum(events) filter (since)
        >= $stopped * (any_value(came) + coalesce(sum(events) filter (not since), 0))
), found as (
    select * from seen where kind in ('new_field', 'changed_type')
    union all by name select * exclude (came, since) from absent semi join stopped using (mapping_id, field) where since
)
select mapping_id, kind, field, expected, seen, arg_min({_EVENT}, ({_FIRST})) as event,
    arg_min(example, ({_FIRST})) as example, min(first_enqueued_at) as first_enqueued_at,
    max(last_enqueued_at) as last_enqueued_at, sum(events)::bigint as events, any_value(of_events)::bigint as of_events
from found join looked using (mapping_id) join newest using (mapping_id)
group by mapping_id, kind, field, expected, seen, newest
having max(last_enqueued_at) >= newest - interval '{RECENT}'
order by mapping_id, events desc, kind, field, seen
"""
