"""Quarantine as people ask about it: which rows, since when, and whether they are open, dismissed or replayed.

Belongs here: the selection, and the status and first sight of a row. Neither is stored with it: `silver.quarantine` is
a function of Bronze and the digest alone, so they are read from batches, history and decisions.
Does not: deciding (`decisions`), recomputing (`replay`), or how the answers are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.silver.intake import hour_of, hour_start
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.reasons import CODES
from quality.contracts.tables import BATCHES, EVENT_NAMES, QUARANTINE, QUARANTINE_DECISIONS, QUARANTINE_HISTORY

OPEN, DISMISSED, REPLAYED = "open", "dismissed", "replayed"
STATUSES = (OPEN, DISMISSED, REPLAYED)
_EVENT = ", ".join(EVENT_NAMES)
_ROW = f'{_EVENT}, "index", reason'
LISTED = (
    *EVENT_NAMES, "index", "enqueued_at", "reason", "field", "value", "message", "mapping_id", "mapping_version",
    "rules_version", "device_id", "metric", "digest", "silver_batch", "enqueued_hour",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which rejected rows; all that is given must hold. Times are those of enqueueing, `until` is exclusive."""

    mapping: str | None = None
    reason: str | None = None
    device: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    hours: tuple[str, ...] = ()
    event: ds.Expression | None = None

    @classmethod
    def said(
        cls,
        *,
        mapping: str | None = None,
        reason: str | None = None,
        device: str | None = None,
        since: str | None = None,
        until: str | None = None,
        hours: Sequence[str] = (),
    ) -> Selection:
        """As people say it; an empty text says nothing. Raises: ValueError for what cannot be meant."""
        if reason and reason not in CODES:
            raise ValueError(f"no reason {reason!r}; there are {', '.join(CODES)}")
        for hour in hours:
            hour_start(hour)
        return cls(
            mapping=mapping or None,
            reason=reason or None,
            device=device or None,
            since=instant(since) if since else None,
            until=instant(until) if until else None,
            hours=tuple(hours),
        )

    def where(self, *, partitioned: bool = True) -> ds.Expression | None:
        """As a predicate; `partitioned` where the table has enqueued_hour, which spares files."""
        named = {"mapping_id": self.mapping, "reason": self.reason, "device_id": self.device}
        clauses = [pc.field(name) == wanted for name, wanted in named.items() if wanted is not None]
        if self.since is not None:
            clauses.append(pc.field("enqueued_at") >= self.since)
        if self.until is not None:
            clauses.append(pc.field("enqueued_at") < self.until)
        if self.event is not None:
            clauses.append(self.event)
        if partitioned:
            clauses += self.within()
        return reduce(and_, clauses) if clauses else None

    def covers(self, hour: str) -> bool:
        """Whether any part of an enqueued hour lies within `since` and `until`."""
        start = hour_start(hour)
        return (self.since is None or start + timedelta(hours=1) > self.since) and (
            self.until is None or start < self.until
        )

    def within(self) -> list[ds.Expression]:
        """The hours alone, as predicates on enqueued_hour: its text is ordered as time is."""
        hour = pc.field("enqueued_hour")
        clauses = [hour.isin(list(self.hours))] if self.hours else []
        clauses += [hour >= hour_of(self.since)] if self.since is not None else []
        clauses += [hour <= hour_of(self.until)] if self.until is not None else []
        return clauses


def instant(text: str) -> datetime:
    """A time as people write it; UTC where it names no zone. Raises: ValueError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write e.g. 2026-03-01T14:00") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def summarised(lake: Lake, selection: Selection) -> list[dict[str, Any]]:
    """Rows, and how many of them are open, per mapping, its version and reason, most first."""
    return _asked(
        lake,
        selection,
        f"""
        select mapping_id, mapping_version, reason, count(*) as rows,
            count(*) filter (status = '{OPEN}') as open, count(*) filter (status = '{DISMISSED}') as dismissed,
            count(distinct ({_EVENT})) as events,
            min(enqueued_at) as first, max(enqueued_at) as last, min(first_seen) as first_seen
        from known group by all order by rows desc, reason, mapping_id, mapping_version
        """,
    )


def listed(lake: Lake, selection: Selection, *, status: str | None, limit: int) -> list[dict[str, Any]]:
    """Newest rows, at most `limit`; of one status, or of all that are in quarantine now."""
    if status == REPLAYED:
        return replayed(lake, selection, limit=limit)
    return _asked(
        lake,
        selection,
        f"""
        select * from known where $status is null or status = $status
        order by enqueued_at desc, {_EVENT}, "index" limit $limit
        """,
        parameters={"status": status, "limit": limit},
    )


def of_event(lake: Lake, event: ds.Expression) -> list[dict[str, Any]]:
    """Every row of one event that is in quarantine now, with all columns and the bytes."""
    return _asked(lake, Selection(event=event), 'select * from known order by "index"', columns=QUARANTINE.names)


def replayed(lake: Lake, selection: Selection, *, limit: int) -> list[dict[str, Any]]:
    """Rows that a later batch took back, newest first."""
    with _tables(lake) as (db, _):
        db.register(
            "history", _given(lake, QUARANTINE_HISTORY, QUARANTINE_HISTORY.names, selection.where(partitioned=False))
        )
        return _rows(
            db,
            f"""
            select h.*, '{REPLAYED}' as status, done.planned_at as replayed_at
            from history as h join batch as done on done.batch = h.replayed_in
            order by h.enqueued_at desc, {_EVENT}, "index", h.silver_batch limit $limit
            """,
            {"limit": limit},
        )


def open_rows(lake: Lake, selection: Selection) -> dict[str, int]:
    """Enqueued hour to its open rows that match."""
    rows = _asked(
        lake,
        selection,
        f"select enqueued_hour, count(*) as rows from known where status = '{OPEN}' group by all order by all",
    )
    return {row["enqueued_hour"]: row["rows"] for row in rows}


def references(lake: Lake, selection: Selection, *, status: str) -> pa.Table:
    """Event, index and reason of the matching rows of one status."""
    with _tables(lake) as (db, version):
        if version is None:
            return arrow_schema(QUARANTINE).empty_table().select([*EVENT_NAMES, "index", "reason"])
        _register(db, lake, version, LISTED, selection.where())
        query = f"select {_ROW} from ({_KNOWN}) where status = $status order by all"
        return db.sql(query, params={"status": status}).to_arrow_table()


def _asked(
    lake: Lake,
    selection: Selection,
    query: str,
    *,
    columns: Sequence[str] = LISTED,
    parameters: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Rows of a query over `known`: the matching rows of quarantine with status, decision and first_seen."""
    with _tables(lake) as (db, version):
        if version is None:
            return []
        _register(db, lake, version, columns, selection.where())
        return _rows(db, f"with known as ({_KNOWN}) {query}", parameters or {})


def _rows(db: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    result = db.execute(query, parameters)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@contextmanager
def _tables(lake: Lake) -> Iterator[tuple[duckdb.DuckDBPyConnection, int | None]]:
    """Batches, newly rejected rows and decisions, in DuckDB; and the version of quarantine to look at."""
    state = snapshot(lake)
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        db.register("log", _given(lake, BATCHES, ("batch", "planned_at", "watermark")))
        db.execute("create table batch as from log")
        newly = _given(lake, QUARANTINE_HISTORY, QUARANTINE_HISTORY.names, pc.field("replayed_in").is_null())
        db.register("newly", newly)
        db.execute(f"create table reopened as select {_ROW}, max(silver_batch) as batch from newly group by all")
        db.register("given", _given(lake, QUARANTINE_DECISIONS, QUARANTINE_DECISIONS.names))
        db.execute(_DECIDED)
        yield db, state.quarantine if state else None


def _register(
    db: duckdb.DuckDBPyConnection, lake: Lake, version: int | None, columns: Sequence[str], where: ds.Expression | None
) -> None:
    db.register("quarantine", _given(lake, QUARANTINE, columns, where, version))


def _given(
    lake: Lake, table: Table, columns: Sequence[str], where: ds.Expression | None = None, version: int | None = None
) -> pa.RecordBatchReader:
    """Whoever asks makes no tables: one that is not there is empty."""
    if not lake.exists(table):
        schema = arrow_schema(table)
        return pa.RecordBatchReader.from_batches(pa.schema([schema.field(name) for name in columns]), [])
    return lake.dataset(table, version).scanner(columns=list(columns), filter=where).to_reader()


_DECIDED = f"""
create table decided as
select {_ROW}, arg_max(status, decision) as status, arg_max(why, decision) as why, arg_max(who, decision) as who,
    arg_max(decided_at, decision) as decided_at
from given group by all
"""
# The batch that took an event in is the first whose watermark covers it; a row that a later replacement rejected newly
# has been there since that one.
_KNOWN = f"""
with marked as (
    select batch, unnest(map_entries(watermark)) as mark from batch
), covering as (
    select mark.key as stream, mark.value as upto, min(batch) as batch from marked group by all
), taken_in as (
    select q.*, c.batch as taken_in
    from (select *, concat_ws('/', hub, partition_id, epoch) as stream from quarantine) as q
    asof left join covering as c on q.stream = c.stream and q.sequence_number <= c.upto
)
select t.* exclude (stream, taken_in), coalesce(d.status, '{OPEN}') as status, d.why, d.who, d.decided_at,
    b.planned_at as first_seen
from taken_in as t left join decided as d using ({_ROW}) left join reopened as r using ({_ROW})
left join batch as b on b.batch = coalesce(r.batch, t.taken_in)
"""
