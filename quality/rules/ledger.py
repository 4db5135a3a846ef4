"""The ledger: every event accounted for, proved by anti-join and not by anybody's counters.

Belongs here: the balance of Bronze (numbers of a stream are gapless) and of Silver (every event up to the watermark
is found in readings, quarantine or duplicates, and every reference there is found in Bronze, up to the watermark).
Does not: reading tables (`assets.silver.audit` hands them in) or showing the result.

An event with an accepted reading is accepted, and partial when others of it were rejected; one whose readings were
all seen before is duplicate; any other is quarantined.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import duckdb
import pyarrow as pa

_STREAM = "hub, partition_id, epoch"


@dataclass(frozen=True, kw_only=True)
class StreamLine:
    """One life of one hub partition: last - first + 1 = rows + lost + missing; each processed event has one outcome.

    `lost` are events the hub gave up before they were read, recorded once in `bronze.lost`; they are accounted for.
    Numbers recorded there that never were events are neither lost nor missing.
    """

    stream: str
    first: int
    last: int
    rows: int
    repeated: int
    missing: int
    lag: int
    accepted: int
    partial: int
    quarantined: int
    duplicate: int
    unaccounted: int
    unfounded: int
    lost: int = 0

    @property
    def balanced(self) -> bool:
        """Nothing missing, nothing twice, nothing without an outcome, no outcome without an event."""
        processed = self.accepted + self.quarantined + self.duplicate
        return (
            self.missing == self.repeated == self.unaccounted == self.unfounded == 0
            and processed + self.lag == self.rows
        )


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """All streams, and the rows of the three tables; an event rejected as a whole is one quarantined row."""

    batch: int
    streams: tuple[StreamLine, ...]
    readings: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether every line balances."""
        return all(line.balanced for line in self.streams)

    @property
    def events(self) -> dict[str, int]:
        """Events per outcome over all streams; partial is contained in accepted."""
        return {
            outcome: sum(getattr(line, outcome) for line in self.streams)
            for outcome in ("accepted", "partial", "quarantined", "duplicate")
        }


Rows: TypeAlias = "pa.RecordBatchReader | pa.Table"


def balance(
    *,
    batch: int,
    watermark: dict[str, int],
    bronze: Rows,
    readings: Rows,
    quarantine: Rows,
    duplicates: Rows,
    lost: Rows | None = None,
) -> Ledger:
    """Balance event references.

    Each of the four has hub, partition_id, epoch, sequence_number; quarantine has reason too. `bronze` may reach beyond
    the watermark: that is lag. All four must cover the same enqueued hours. `lost` has ranges without an event
    (`bronze.lost`).
    """
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        marks = [(*name.rsplit("/", 2), number) for name, number in watermark.items()]
        db.execute("create table watermark (hub varchar, partition_id varchar, epoch bigint, upto bigint)")
        if marks:
            db.executemany("insert into watermark values (?, ?, ?, ?)", marks)
        for name, rows in (("bronze", bronze), ("reading", readings), ("quarantine", quarantine), ("dup", duplicates)):
            db.register("_given", rows)
            keep = ", reason" if name == "quarantine" else ""
            db.execute(f"create table {name} as select {_STREAM}, sequence_number{keep} from _given")
            db.unregister("_given")
        db.execute(f"create table gone ({_RANGES})")
        if lost is not None:
            db.register("_given", lost)
            db.execute(
                f"insert into gone select {_STREAM}, first_sequence_number, last_sequence_number, events from _given"
            )
            db.unregister("_given")
        db.execute(
            f"""
            create table outcome as
            select {_STREAM}, sequence_number, bool_or(kind = 'r') as accepted, bool_or(kind = 'q') as quarantined,
                bool_or(kind = 'd') as duplicate
            from (
                select distinct {_STREAM}, sequence_number, 'r' as kind from reading
                union all select distinct {_STREAM}, sequence_number, 'q' from quarantine
                union all select distinct {_STREAM}, sequence_number, 'd' from dup
            ) group by all
            """
        )
        lines = db.execute(_LINES).fetchall()
        names = [column[0] for column in db.description or ()]
        counted = db.execute(
            """
            select 'accepted', count(*) from reading union all select 'quarantined', count(*) from quarantine
            union all select 'duplicate', count(*) from dup
            """
        ).fetchall()
        reasons = db.execute("select reason, count(*) from quarantine group by reason order by reason").fetchall()
    return Ledger(
        batch=batch,
        streams=tuple(StreamLine(**dict(zip(names, line, strict=True))) for line in lines),
        readings=dict(counted),
        reasons=dict(reasons),
    )


_RANGES = "hub varchar, partition_id varchar, epoch bigint, first bigint, last bigint, events bigint"
_LINES = f"""
with event as (
    select {_STREAM}, sequence_number, count(*) as copies from bronze group by all
), counted as (
    select {_STREAM}, min(sequence_number) as first, max(sequence_number) as last, sum(copies) as rows,
        sum(copies - 1) as repeated, max(sequence_number) - min(sequence_number) + 1 - count(*) as holes
    from event group by all
), known as (
    select g.hub, g.partition_id, g.epoch, sum(g.last - g.first + 1) as numbers, sum(g.events) as lost
    from gone g join counted c using ({_STREAM})
    where g.first > c.first and g.last < c.last
    group by all
), judged as (
    select e.hub, e.partition_id, e.epoch,
        e.sequence_number > coalesce(w.upto, -1) as beyond,
        o.sequence_number is not null as found,
        o.accepted, o.accepted and o.quarantined as partial,
        not o.accepted and o.quarantined as quarantined,
        not o.accepted and not o.quarantined as duplicate
    from event e
    left join watermark w using ({_STREAM})
    left join outcome o using ({_STREAM}, sequence_number)
), sums as (
    select {_STREAM},
        count(*) filter (beyond and not found) as lag,
        count(*) filter (found and accepted) as accepted,
        count(*) filter (found and partial) as partial,
        count(*) filter (found and quarantined) as quarantined,
        count(*) filter (found and duplicate) as duplicate,
        count(*) filter (not beyond and not found) as unaccounted
    from judged group by all
), processed as (
    select {_STREAM}, sequence_number from event join watermark using ({_STREAM}) where sequence_number <= upto
), baseless as (
    select {_STREAM}, count(*) as unfounded
    from outcome o anti join processed using ({_STREAM}, sequence_number) group by all
), streams as (
    select {_STREAM} from counted union select {_STREAM} from baseless
)
select concat_ws('/', hub, partition_id, epoch) as stream,
    cast(coalesce(first, 0) as bigint) as first, cast(coalesce(last, -1) as bigint) as last,
    cast(coalesce(rows, 0) as bigint) as rows, cast(coalesce(repeated, 0) as bigint) as repeated,
    cast(coalesce(holes, 0) - coalesce(numbers, 0) as bigint) as missing, coalesce(lag, 0) as lag,
    coalesce(accepted, 0) as accepted, coalesce(partial, 0) as partial,
    coalesce(quarantined, 0) as quarantined, coalesce(duplicate, 0) as duplicate,
    coalesce(unaccounted, 0) as unaccounted, coalesce(unfounded, 0) as unfounded,
    cast(coalesce(lost, 0) as bigint) as lost
from streams
left join counted using ({_STREAM}) left join known using ({_STREAM})
left join sums using ({_STREAM}) left join baseless using ({_STREAM})
order by hub, length(partition_id), partition_id, epoch
"""
