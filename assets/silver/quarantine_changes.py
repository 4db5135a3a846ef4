"""What replacing hours changes in quarantine, as rows of `silver.quarantine_history`.

Belongs here: the difference between the rejected rows of the hours before and now, over the tables of a batch's desk.
Does not: what is rejected (`workspace`), or writing the rows (`promote`).
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import EVENT_NAMES, QUARANTINE, QUARANTINE_HISTORY

REMEMBERED = tuple(name for name in QUARANTINE_HISTORY.names if name in QUARANTINE.names)
"""What of a quarantine row its history remembers."""
_REFERENCE = (*EVENT_NAMES, "index")


def quarantine_changes(
    db: duckdb.DuckDBPyConnection,
    before: pa.RecordBatchReader,
    processed: Mapping[str, int],
    batch: int,
    *,
    became: Mapping[str, str],
) -> pa.Table:
    """Rows (REMEMBERED) of `before` that `reject` does not hold any more, and rows of `reject` that were not there.

    Of the latter only those about events up to `processed` (stream to sequence number): what arrives with the batch is
    no change. `became` names, per outcome, the query that gives its rows; a row taken back is looked up in them.
    """
    db.register("_before", before)
    db.execute("create or replace table before as from _before")
    db.unregister("_before")
    db.execute("create or replace table processed (stream varchar, upto bigint)")
    if processed:
        db.executemany("insert into processed values (?, ?)", list(processed.items()))
    remembered = _quoted(tuple(name for name in REMEMBERED if name != "silver_batch"))
    reference = _quoted(_REFERENCE)
    same = " and ".join(f'n."{name}" = b."{name}"' for name in (*_REFERENCE, "reason"))
    outcomes = " union all ".join(f"select {reference}, '{name}' as became from ({q})" for name, q in became.items())
    # What rejected a whole event may have given way to any reading of it: the best outcome is named.
    query = f"""
        with became as ({outcomes}), whole as (
            select {_quoted(EVENT_NAMES)}, -1 as "index", min(became) as became from became group by all
        ), changed as (
            select {remembered}, silver_batch as quarantined_in, $batch as replayed_in,
                coalesce(became.became, whole.became, 'absent') as became
            from before as b left join became using ({reference}) left join whole using ({reference})
            where not exists (select 1 from reject as n where {same})
            union all by name
            select {remembered}, $batch as quarantined_in
            from reject as n
            join processed on stream = concat_ws('/', hub, partition_id, epoch) and sequence_number <= upto
            where not exists (select 1 from before as b where {same})
        )
        select {_quoted(QUARANTINE_HISTORY.names)} from (select *, $batch as silver_batch from changed)
    """
    rows = db.sql(query, params={"batch": batch}).to_arrow_table()
    db.execute("drop table before")
    return rows.cast(arrow_schema(QUARANTINE_HISTORY))


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
