"""Where the queries of the subject tables run: DuckDB with the relations they name, for a few dates at a time.

Belongs here: each relation once, cut to the dates that are looked at and to the columns that are used. It is made when
the first query names it.
Does not: what a relation holds (`relations`), the queries (a module a table), or which dates are due (`due`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.gold.domain.subject import Source, Subject
from assets.silver.snapshot import Snapshot
from assets.spilling import SpillingDuckdb
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import READINGS

_DAY = timedelta(days=1)


_UTC = pa.timestamp("us", "UTC")


class Desk(SpillingDuckdb):
    """A DuckDB that spills to disk, with relations for some dates; gone when closed."""

    def __init__(
        self,
        lake: Lake,
        silver: Snapshot,
        dates: Sequence[date],
        lay: Mapping[Source, Callable[[Desk], None]],
        *,
        heard: datetime,
        spill: Path | None = None,
    ) -> None:
        """`lay`: how each relation is made; `heard`: up to when the estate has been heard."""
        self.lake, self._silver, self._lay = lake, silver, lay
        self._dates, self._heard = sorted(dates), heard
        self._there: set[Source] = set()
        super().__init__("domain", spill)

    @property
    def db(self) -> duckdb.DuckDBPyConnection:
        """For relations that are made of others."""
        return self._db

    def rows(self, subject: Subject, dates: Sequence[date]) -> pa.Table:
        """The subject's rows of these dates, sorted, so that a date is the same file whenever it is written."""
        for source in subject.reads:
            if source not in self._there:
                self._lay[source](self)
                self._there.add(source)
        self._put_days(dates)
        (day,) = subject.table.partition_by
        order = ", ".join(f'"{name}"' for name in dict.fromkeys((day, *subject.table.key)))
        columns = ", ".join(f'"{name}"' for name in subject.table.names)
        found = self._db.sql(
            f"SELECT {columns} FROM ({subject.query}) AS found "
            f"WHERE {day} IN (SELECT event_date FROM days) ORDER BY {order}"
        ).to_arrow_table()
        assert found is not None, "a select has a result"
        return found.cast(arrow_schema(subject.table))

    def _put_days(self, dates: Sequence[date]) -> None:
        starts = [datetime.combine(day, time(), UTC) for day in dates]
        days = pa.table(
            {
                "event_date": pa.array(dates, pa.date32()),
                "day_start": pa.array(starts, _UTC),
                "day_end": pa.array([start + _DAY for start in starts], _UTC),
                "heard_until": pa.array(
                    [max(start, min(start + _DAY, self._heard)) for start in starts], pa.timestamp("us", "UTC")
                ),
            }
        )
        self.made("days", "SELECT * FROM given", days)

    def scanned(
        self, table: Table, columns: Sequence[str], where: pc.Expression | None = None, *, back: int = 0, ahead: int = 0
    ) -> pa.RecordBatchReader:
        """Rows of a table of the dates to make, of `back` dates before and `ahead` after them; none where it is not."""
        wanted = pa.schema([arrow_schema(table).field(name) for name in columns])
        if not self.lake.exists(table):
            return pa.RecordBatchReader.from_batches(wanted, [])
        day = pc.field("event_date")
        first, last = self._dates[0] - back * _DAY, self._dates[-1] + ahead * _DAY
        of_dates = (day >= pa.scalar(first)) & (day <= pa.scalar(last))
        where = of_dates if where is None else of_dates & where
        return self.lake.dataset(table).scanner(columns=list(columns), filter=where, batch_readahead=4).to_reader()

    def recorded(self, columns: Sequence[str], back: int, where: pc.Expression | None = None) -> pa.RecordBatchReader:
        """Silver's readings of the dates to make and of `back` dates before them."""
        at = pc.field("recorded_at")
        start = datetime.combine(self._dates[0] - back * _DAY, time(), UTC)
        end = datetime.combine(self._dates[-1] + _DAY, time(), UTC)
        within = (at >= pa.scalar(start, _UTC)) & (at < pa.scalar(end, _UTC))
        where = within if where is None else within & where
        dataset = self.lake.dataset(READINGS, self._silver.readings)
        return dataset.scanner(columns=list(columns), filter=where, batch_readahead=4).to_reader()

    def made(self, name: str, query: str, given: pa.RecordBatchReader | pa.Table, **parameters: object) -> None:
        """Make a relation by a query over `given`."""
        self._db.register("given", given)
        self._db.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}", parameters or None)
        self._db.unregister("given")
        if isinstance(given, pa.RecordBatchReader):
            given.close()  # what a query did not need to read
