"""The desk of one Silver batch: candidates against history, settled in DuckDB.

Belongs here: the relational definition of acceptance (DESIGN, Silver 4) as SQL over a few temporary tables. Of all
candidates of a key the one with the smallest position is accepted; the others repeat it or contradict it.
Does not: which events and which history are laid out (`plan`), or commits (`execute`).

Tables: `candidate` (decoded readings), `reject` (what decoding rejected), `history` (accepted rows of other hours or
earlier batches that share a key with a candidate), `contested` (rows of keys with more than one claim, ranked).
Keys are compared by a 64-bit hash first and by all columns where the hash meets another; most keys meet none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.silver.candidates import HASHED, KEY_HASH, Candidates, constant, hours_of
from assets.silver.digests import Versions
from assets.silver.quarantine_changes import quarantine_changes
from assets.spilling import SpillingDuckdb
from canonical.canonicaliser import Converted
from canonical.drift.noticed import Noticed
from lake.pruning import same_moments
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import (
    DUPLICATES,
    EVENT_NAMES,
    KEY_NAMES,
    POSITION_NAMES,
    QUARANTINE,
    READINGS,
)
from settings.model import Silver

_KEY = ", ".join(KEY_NAMES)
_POSITION = ", ".join(POSITION_NAMES)
_REFERENCE = (*EVENT_NAMES, "index")
_HOUR = "strftime(enqueued_at, '%Y-%m-%d-%H')"
_CONFLICT = """
concat(
    metric, ' is ', coalesce(cast(value as varchar), value_text), ' ', unit, ' here and ',
    coalesce(cast(winner_value as varchar), winner_value_text), ' ', winner_unit, ' in the accepted reading'
)
"""
_CLAIM = ", ".join(
    ("key_hash", *KEY_NAMES, "value", "value_text", "unit", *_REFERENCE, "enqueued_at", "mapping_id", "digest",
     "enqueued_hour")
)  # fmt: skip
_STREAM_ROWS = 65_536
_STREAM_BYTES = 32 * 2**20
"""Bodies handed to a commit at a time: an Arrow column of bytes ends at 2 GB, which 65,536 rows can pass."""


class Workspace(SpillingDuckdb):
    """Temporary tables of one batch; spills to disk beyond the memory limit, gone when closed."""

    def __init__(self, settings: Silver, spill: Path | None = None) -> None:
        super().__init__("silver", spill, memory_limit=settings.memory_limit)
        self._digest = ""
        self.noticed = Noticed()
        """Schema drift of the events laid out."""
        for name, table, extra in (
            ("reject", QUARANTINE, ()),
            ("history", READINGS, ("key_hash ubigint",)),
        ):
            self._create(name, table, extra)
        columns = [field for field in arrow_schema(READINGS) if field.name != "silver_batch"]
        self._candidates = Candidates(pa.schema(columns), self._spill.path, settings.candidate_bytes)

    def close(self) -> None:
        """Drop the tables and what they spilled."""
        self._candidates.close()
        self._db.close()
        self._spill.close()

    def _table(self, query: str) -> pa.Table:
        found = self._db.sql(query).to_arrow_table()
        assert found is not None, "a select has a result"
        return found

    def _create(self, name: str, table: Table, extra: tuple[str, ...]) -> None:
        self._db.register("_empty", arrow_schema(table).empty_table())
        self._db.execute(f"create table {name} as select * exclude (silver_batch) from _empty")
        self._db.unregister("_empty")
        for column in extra:
            self._db.execute(f"alter table {name} add column {column}")

    # -- laying out ------------------------------------------------------------------------------------------

    def made_with(self, digest: str, named: Versions) -> None:
        """Say by what candidates are made: rejects carry the versions of their mapping and of the rules."""
        self._digest = digest
        self._db.register("_mappings", named.mappings)
        self._db.execute("create or replace table mapping as from _mappings")
        self._db.unregister("_mappings")
        self._db.execute("create or replace table rules as select $rules as rules_version", {"rules": named.rules})

    def add(self, converted: Converted, events: pa.Table) -> None:
        """Lay out what one chunk of events became; rejects take their event's bytes with them."""
        readings = converted.readings
        made = {
            "digest": constant(self._digest, len(readings)),
            "enqueued_hour": hours_of(readings.column("enqueued_at")),
        }
        for name, column in made.items():
            readings = readings.append_column(name, column)
        self._candidates.add(readings)
        if converted.rejects.num_rows == 0:
            return
        self._db.register("_rejects", converted.rejects)
        # Few of many events, and one number alone tells most of the others: a join would carry every body.
        among = pc.is_in(events.column("sequence_number"), converted.rejects.column("sequence_number"))
        self._db.register("_events", events.select([*EVENT_NAMES, "body"]).filter(among))
        self._db.execute(
            f"""
            insert into reject by name
            select _rejects.*, mapping_version, rules_version, body, $digest as digest, {_HOUR} as enqueued_hour
            from _rejects join _events using ({", ".join(EVENT_NAMES)})
            left join mapping using (mapping_id) cross join rules
            """,
            {"digest": self._digest},
        )
        self._db.unregister("_rejects")
        self._db.unregister("_events")

    def sharing_moments(self) -> ds.Expression | None:
        """Where an accepted row of a candidate's key can lie; None without candidates."""
        self._db.register("candidate", self._candidates.table())
        return same_moments(self._db, "candidate", "recorded_at")

    def set_history(self, accepted: pa.RecordBatchReader | None) -> None:
        """Keep, of the accepted rows given, those that share a key with a candidate, and rank the claims."""
        self._db.register("candidate", self._candidates.table())
        self._db.execute("delete from history")
        # Mostly there is none, and what it is compared with is a table of all candidates.
        if accepted is not None and (accepted := _not_empty(accepted)) is not None:
            self._db.register("_accepted", accepted)
            self._db.register("_hashes", pa.table({KEY_HASH: self._candidates.hashes()}))
            self._db.execute(
                f"""
                insert into history by name
                select * from (select _accepted.*, {HASHED} as {KEY_HASH} from _accepted)
                where {KEY_HASH} in (from _hashes)
                """
            )
            self._db.unregister("_accepted")
            self._db.unregister("_hashes")
        met = self._db.sql(f"select {KEY_HASH} from history").to_arrow_table().column(0).to_numpy()
        self._db.register("_claimants", self._candidates.contest(met))
        self._db.execute("create or replace table claimant as from _claimants")
        self._db.unregister("_claimants")
        self._db.execute(
            f"""
            create or replace table contested as
            with claim as (
                select {_CLAIM}, false as candidate from history
                union all
                select {_CLAIM}, true from claimant
            )
            select *,
                row_number() over claims as place,
                first_value(value) over claims as winner_value,
                first_value(value_text) over claims as winner_value_text,
                first_value(unit) over claims as winner_unit,
                {", ".join(f'first_value("{name}") over claims as winner_{name}' for name in _REFERENCE)}
            from claim
            window claims as (
                partition by {_KEY} order by {_POSITION}
                rows between unbounded preceding and unbounded following
            )
            """
        )

    # -- questions a plan asks -------------------------------------------------------------------------------

    def overtaken_hours(self) -> set[str]:
        """Hours of history that hold an accepted row later than a candidate of its key."""
        rows = self._db.execute(
            "select distinct enqueued_hour from contested where not candidate and place > 1"
        ).fetchall()
        return {hour for (hour,) in rows}

    def compare(self, accepted_before: pa.RecordBatchReader) -> None:
        """Lay accepted rows of the replaced hours, before and now, side by side by event reference: `compared`."""
        self._db.register("_before", accepted_before)
        self._db.execute("create or replace table before as from _before")
        self._db.unregister("_before")
        meaning = (*KEY_NAMES, "value", "value_text", "unit")
        other = tuple(name for name in READINGS.names if name not in {*meaning, *_REFERENCE, "silver_batch"})
        self._db.execute(
            f"""
            create or replace table compared as
            select {_quoted(_REFERENCE)}, b.recorded_at as was, n.recorded_at as is_now,
                {_differs(meaning)} as moved
            from before as b full join ({_ACCEPTED}) as n using ({_quoted(_REFERENCE)})
            where {_differs(meaning)} or {_differs(other)}
            """
        )
        self._db.execute("drop table before")
        self._db.execute(
            f"""
            create or replace view dethroned as
            select {_quoted(_REFERENCE)}, was as recorded_at from compared where was is not null and moved
            """
        )

    def dethroned_moments(self) -> ds.Expression | None:
        """Where a loser can lie whose winner, accepted before, is no more or says something else; after `compare`.

        It has the key of its winner, hence the same recorded_at. None where no winner is dethroned.
        """
        return same_moments(self._db, "dethroned", "recorded_at")

    def hours_following(self, losers: pa.RecordBatchReader) -> set[str]:
        """Hours of the losers (columns winner_…, enqueued_hour) whose winner is dethroned."""
        self._db.register("_losers", losers)
        match = " and ".join(f'_losers."winner_{name}" = dethroned."{name}"' for name in _REFERENCE)
        rows = self._db.execute(
            f"select distinct enqueued_hour from _losers where exists (select 1 from dethroned where {match})"
        ).fetchall()
        self._db.unregister("_losers")
        return {hour for (hour,) in rows}

    # -- results ---------------------------------------------------------------------------------------------

    def conflicts(self) -> pa.Table:
        """References and enqueued_at of the candidates that contradict their winner: their bytes are needed."""
        return self._table(f"select distinct {_quoted(EVENT_NAMES)}, enqueued_at from ({_LOST}) where not same")

    def add_conflicts(self, events: Iterable[pa.Table]) -> None:
        """Move the contradicting candidates to `reject`, with the bytes of their events, chunk by chunk."""
        for chunk in events:
            self._db.register("_events", chunk)
            self._db.execute(
                f"""
                insert into reject by name
                select {_quoted(_REFERENCE)}, enqueued_at, 'conflict' as reason, metric as field,
                    coalesce(cast(value as varchar), value_text)[:200] as value, {_CONFLICT} as message, mapping_id,
                    mapping_version, rules_version,
                    {_KEY}, {_quoted(tuple(f"winner_{name}" for name in _REFERENCE))}, body, digest, enqueued_hour
                from ({_LOST}) join _events using ({_quoted(EVENT_NAMES)})
                left join mapping using (mapping_id) cross join rules where not same
                """
            )
            self._db.unregister("_events")

    def rows(self, table: Table, batch: int) -> Callable[[], pa.RecordBatchReader]:
        """The rows of a Silver table that this batch writes; call it as often as a commit needs them."""
        if table is READINGS:
            return lambda: _streamed(self.accepted(batch), arrow_schema(table))
        source = {QUARANTINE.path: "from reject", DUPLICATES.path: _DUPLICATE}[table.path]
        query = f"""
            select {_quoted(table.names)} from (select *, cast({int(batch)} as bigint) as silver_batch from ({source}))
            order by enqueued_hour, {_POSITION}
        """
        size = self._stream_rows() if table is QUARANTINE else _STREAM_ROWS
        return lambda: _typed(self._db.cursor().sql(query).to_arrow_reader(size), arrow_schema(table))

    def accepted(self, batch: int) -> Iterator[pa.Table]:
        """The readings that this batch writes, part by part, texts as dictionaries; call it as often as needed."""
        for part in (*self._candidates.uncontested(), self._table(_WINNERS)):
            yield part.append_column("silver_batch", pa.repeat(pa.scalar(batch, pa.int64()), part.num_rows))

    def _stream_rows(self) -> int:
        largest = self._db.execute("select max(octet_length(body)) from reject").fetchall()[0][0]
        return max(1, min(_STREAM_ROWS, _STREAM_BYTES // max(1, largest or 0)))

    def quarantine_changes(
        self, quarantined_before: pa.RecordBatchReader, processed: Mapping[str, int], batch: int
    ) -> pa.Table:
        """What replacing the hours changes in quarantine; `processed` is the watermark before the batch."""
        became = {"accepted": f"from ({_ACCEPTED})", "duplicate": f"from ({_DUPLICATE})", "rejected": "from reject"}
        return quarantine_changes(self._db, quarantined_before, processed, batch, became=became)

    def counts(self) -> dict[str, int]:
        """Rows per Silver table that this batch writes."""
        counted = {
            name: int(self._db.execute(f"select count(*) from ({source})").fetchall()[0][0])
            for name, source in (("accepted", _WINNERS), ("quarantined", "from reject"), ("duplicates", _DUPLICATE))
        }
        return counted | {"accepted": counted["accepted"] + self._candidates.uncontested_count()}

    def added_dates(self) -> set[date]:
        """Dates of recorded_at of the rows this batch appends."""
        winners = self._dates(f"select distinct cast(recorded_at as date) from ({_WINNERS})")
        return winners | self._candidates.uncontested_dates()

    def changed_dates(self) -> set[date]:
        """Dates of recorded_at on which this batch adds, changes or removes an accepted row; after `compare`."""
        return self._dates(
            """
            select cast(was as date) from compared where was is not null
            union select cast(is_now as date) from compared where is_now is not null
            """
        )

    def _dates(self, query: str) -> set[date]:
        return {day for (day,) in self._db.execute(query).fetchall()}


def _not_empty(rows: pa.RecordBatchReader) -> pa.RecordBatchReader | None:
    """The same rows; None where there are none."""
    for first in rows:
        if first.num_rows:
            return pa.RecordBatchReader.from_batches(rows.schema, chain([first], rows))
    return None


def _differs(names: tuple[str, ...]) -> str:
    return "(" + " or ".join(f'b."{name}" is distinct from n."{name}"' for name in names) + ")"


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _streamed(parts: Iterable[pa.Table], schema: pa.Schema) -> pa.RecordBatchReader:
    batches = (
        batch
        for part in parts
        for batch in part.select(schema.names).cast(schema).to_batches(max_chunksize=_STREAM_ROWS)
    )
    return pa.RecordBatchReader.from_batches(schema, batches)


def _typed(reader: pa.RecordBatchReader, schema: pa.Schema) -> pa.RecordBatchReader:
    """The same batches under the contract's schema: DuckDB knows no non-null columns."""
    return pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in reader))


_WINNERS = """
select candidate.* exclude (key_hash) from claimant as candidate join contested
    on candidate.key_hash = contested.key_hash and contested.candidate and contested.place = 1
    and candidate.hub = contested.hub and candidate.partition_id = contested.partition_id
    and candidate.epoch = contested.epoch and candidate.sequence_number = contested.sequence_number
    and candidate.index = contested.index
"""
_ACCEPTED = f"""
select * exclude (key_hash) from candidate where key_hash not in (select key_hash from contested)
union all by name {_WINNERS}
"""
_LOST = """
select *, value is not distinct from winner_value and value_text is not distinct from winner_value_text
    and unit = winner_unit as same
from contested where candidate and place > 1
"""
_DUPLICATE = f"select * from ({_LOST}) where same"
