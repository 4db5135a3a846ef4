"""What another version of the mappings would make of the same events.

Belongs here: decoding events twice and pairing what comes out, chunk by chunk, so that memory stays flat. Nothing is
written: duplicates, conflicts and history are no part of this, only what each event says by itself.
Does not: choosing versions and events, or showing (`orchestration.cli.mapping_diff`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from canonical.canonicaliser import Canonicaliser, Converted
from quality.contracts.tables import EVENT_NAMES

CHUNK_EVENTS = 8_192
CHANGES = ("added", "removed", "changed", "accepted", "rejected", "reason")
"""A reading that was not there; one that is gone; one with another value, unit, time or device; a reject that becomes
a reading; a reading that becomes a reject; a reject for another reason."""

_EVENT = ", ".join(EVENT_NAMES)
_SAME = ("device_id", "recorded_at", "discriminator")
_COMPARED = ("value", "value_text", "unit", "reason", "field", "shown", *_SAME)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a chunk of events comes to: changed rows, and the sums of all rows."""

    events: int
    rows: pa.Table
    """hub … sequence_number, enqueued_at, change, mapping_id, metric, channel, what, and each column old and new."""
    metrics: pa.Table
    """mapping_id, metric, before, after and one column a change."""
    reasons: pa.Table
    """mapping_id, reason, before, after."""


def in_range(start: datetime, end: datetime) -> ds.Expression:
    """The Bronze events enqueued from `start` and before `end`."""
    enqueued = pc.field("enqueued_at")
    dates = (pc.field("ingest_date") >= start.date()) & (pc.field("ingest_date") <= end.date())
    return dates & (enqueued >= start) & (enqueued < end)


def differences(events: Iterable[pa.Table], old: Canonicaliser, new: Canonicaliser) -> Iterator[Difference]:
    """Chunk by chunk; the chunks are the caller's."""
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        db.execute("set TimeZone = 'UTC'")
        for chunk in events:
            yield _difference(db, chunk, old, new)


def _difference(db: duckdb.DuckDBPyConnection, chunk: pa.Table, old: Canonicaliser, new: Canonicaliser) -> Difference:
    for side, canonicaliser in (("old", old), ("new", new)):
        _lay_out(db, side, canonicaliser.convert(chunk))
    db.execute(_LEFT)
    db.execute(_PAIRED)
    rows = db.sql(f"{_ROWS} order by {_EVENT}, metric, channel, change").to_arrow_table()
    db.register("changes", rows)
    metrics = db.sql(_METRICS).to_arrow_table()
    reasons = db.sql(_REASONS).to_arrow_table()
    db.unregister("changes")
    return Difference(len(chunk), rows, metrics, reasons)


def _lay_out(db: duckdb.DuckDBPyConnection, side: str, converted: Converted) -> None:
    """One table a side: readings and rejects in the same columns, numbered."""
    db.register("readings", converted.readings)
    db.register("rejects", converted.rejects)
    db.execute(
        f"""
        create or replace table {side} as
        select row_number() over () as id, * from (
            select {_EVENT}, index, enqueued_at, mapping_id, metric, channel, device_id, recorded_at, discriminator,
                value, value_text, unit, null::varchar as reason, null::varchar as field, null::varchar as shown
            from readings
            union all by name
            select {_EVENT}, index, enqueued_at, mapping_id, coalesce(metric, '') as metric,
                coalesce(channel, '') as channel, device_id, recorded_at, discriminator, reason, field, value as shown
            from rejects
        )
        """
    )
    db.unregister("readings")
    db.unregister("rejects")


def _twins(left: str, right: str, columns: tuple[str, ...]) -> str:
    """Pairs of rows of an event and metric that agree in these columns: the first with the first, and so on."""
    names = ", ".join((_EVENT, "metric", "channel", *columns))
    number = f"row_number() over (partition by {names} order by index) as n"
    same = " and ".join(f"o.{name} is not distinct from w.{name}" for name in (*columns, "n"))
    using = " and ".join(f"o.{name} = w.{name}" for name in (*EVENT_NAMES, "metric", "channel"))
    return f"""
        select o.id as old_id, w.id as new_id
        from (select *, {number} from {left}) o join (select *, {number} from {right}) w on {using} and {same}
    """


_LEFT = f"""
create or replace table same as {_twins("old", "new", _COMPARED)};
create or replace table old_left as select * from old where id not in (select old_id from same);
create or replace table new_left as select * from new where id not in (select new_id from same);
"""
"""What is not the same on both sides is little, and only that is paired further."""

_PAIRED = f"""
create or replace table pair as {_twins("old_left", "new_left", _SAME)};
insert into pair {
    _twins(
        "(select * from old_left where id not in (select old_id from pair))",
        "(select * from new_left where id not in (select new_id from pair))",
        (),
    )
};
"""

_BOTH = ("device_id", "recorded_at", "value", "value_text", "unit", "reason", "shown")
_ROWS = f"""
with paired as (
    select coalesce(o.id, -1) as old_id, coalesce(w.id, -1) as new_id,
        {", ".join(f"coalesce(o.{name}, w.{name}) as {name}" for name in (*EVENT_NAMES, "enqueued_at"))},
        coalesce(w.mapping_id, o.mapping_id) as mapping_id,
        coalesce(o.metric, w.metric) as metric, coalesce(o.channel, w.channel) as channel,
        {", ".join(f"o.{name} as old_{name}, w.{name} as new_{name}" for name in _BOTH)}
    from old_left o full join pair on o.id = pair.old_id full join new_left w on w.id = pair.new_id
), whole as (
    select {_EVENT}, max(old_reason) filter (new_id = -1) as old_whole,
        max(new_reason) filter (old_id = -1) as new_whole
    from paired where metric = '' group by all
), told as (
    select paired.* exclude (old_reason, new_reason),
        case when old_id = -1 and metric != '' then old_whole else old_reason end as old_reason,
        case when new_id = -1 and metric != '' then new_whole else new_reason end as new_reason,
        old_id = -1 and metric != '' and old_whole is not null as came,
        new_id = -1 and metric != '' and new_whole is not null as went
    from paired left join whole using ({_EVENT})
), named as (
    select *, case
        when old_reason = new_reason then 'changed'
        when old_reason is not null and new_reason is not null then 'reason'
        when old_reason is not null and new_id != -1 then 'accepted'
        when new_reason is not null and old_id != -1 then 'rejected'
        when old_reason is not null then 'reason'
        when new_reason is not null then 'reason'
        when old_id = -1 then 'added' when new_id = -1 then 'removed' else 'changed' end as change
    from told
    -- An event's reject that became readings, or came of them, is told by the readings.
    qualify not (
        metric = '' and (
            (old_id != -1 and new_id = -1 and bool_or(came) over (partition by {_EVENT}))
            or (new_id != -1 and old_id = -1 and bool_or(went) over (partition by {_EVENT}))
        )
    )
)
select {_EVENT}, enqueued_at, change, mapping_id, metric, channel,
    case when change = 'changed' then concat_ws(', ',
        case when old_value is distinct from new_value or old_value_text is distinct from new_value_text
            then 'value' end,
        case when old_unit is distinct from new_unit then 'unit' end,
        case when old_recorded_at is distinct from new_recorded_at then 'time' end,
        case when old_device_id is distinct from new_device_id then 'device' end,
        case when old_shown is distinct from new_shown then 'field' end) else '' end as what,
    {", ".join(f"old_{name}, new_{name}" for name in _BOTH)}
from named
"""

_METRICS = f"""
select mapping_id, metric, sum(before)::bigint as before, sum(after)::bigint as after,
    {", ".join(f"sum({change})::bigint as {change}" for change in CHANGES if change != "reason")}
from (
    select mapping_id, metric, count(*) as before, 0 as after,
        {", ".join(f"0 as {change}" for change in CHANGES if change != "reason")}
    from old where reason is null group by all
    union all by name
    select mapping_id, metric, count(*) as after, 0 as before from new where reason is null group by all
    union all by name
    select mapping_id, metric,
        {", ".join(f"count(*) filter (change = '{change}') as {change}" for change in CHANGES if change != "reason")}
    from changes where metric != '' and not (change = 'changed' and old_reason is not null) group by all
)
group by all order by all
"""
_REASONS = """
select mapping_id, reason, sum(before)::bigint as before, sum(after)::bigint as after
from (
    select mapping_id, reason, count(*) as before, 0 as after from old where reason is not null group by all
    union all by name
    select mapping_id, reason, 0 as before, count(*) as after from new where reason is not null group by all
)
group by all order by all
"""
