"""Moments of some rows as few spans, to prune a search for rows that share them.

Belongs here: from a column of a DuckDB relation to a predicate that Delta's partitions and file statistics can use.
Does not: what is searched for, or why.

Spans and not one range, or a single device with a wrong clock would have all of history read.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds

_SPANS = 64
_GAP_US = 3_600_000_000
"""Gaps below an hour are bridged, and what lies beyond the 64th span becomes part of it."""


def same_moments(db: duckdb.DuckDBPyConnection, relation: str, column: str) -> ds.Expression | None:
    """A predicate true wherever `column` equals that of any row of `relation`; None where there is no row."""
    found = db.sql(
        f"""
        with bucket as (
            select min("{column}") as first, max("{column}") as last
            from {relation} group by epoch_us("{column}") // {_GAP_US}
        ), marked as (
            select first, last, epoch_us(first) - lag(epoch_us(last)) over (order by first) as gap from bucket
        ), numbered as (
            select first, last, count(*) filter (gap > {_GAP_US}) over (order by first) as span from marked
        )
        select min(first) as first, max(last) as last
        from numbered group by least(span, {_SPANS - 1}) order by first
        """
    ).to_arrow_table()
    field = pc.field(column)
    spans = zip(found["first"], found["last"], strict=True)
    clauses = [(field >= first) & (field <= last) for first, last in spans]
    return reduce(or_, clauses) if clauses else None
