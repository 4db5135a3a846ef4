"""The hours of a date that gained readings, laid out as a whole date is, and what in them is new.

Belongs here: reading only those hours of Silver, the files of new readings, and whether one of them changes what is
stored of an older one, which adding rows cannot mend.
Does not: which hours (`changes`), the columns (`export`), or the steps (`append`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from assets.gold.changes import NotAppendableError, spans_of
from assets.gold.export import Export, as_parquet
from lake.store import Lake

_TIED = """
SELECT count(*) FROM (
    SELECT 1 FROM loaded JOIN ranked USING (device_id, metric, channel, recorded_at, discriminator)
    GROUP BY device_id, metric, channel, recorded_at
    HAVING bool_or(silver_batch > $after) AND bool_or(silver_batch <= $after)
)
"""
# What is expected of these is told from reading to reading, over the whole date and for some over all devices.
_TOLD = """
SELECT min(mapping_id) FROM loaded JOIN schedules USING (digest, mapping_id, metric, channel)
WHERE silver_batch > $after AND (counted OR session_gap_s IS NOT NULL)
"""


class Touched(Export):
    """The readings of some hours of one date at one Delta version."""

    def __init__(self, lake: Lake, version: int, day: date, hours: int, *, spill: Path | None = None) -> None:
        self._day, self._bits = day, hours
        super().__init__(lake, version, [day], spill=spill)

    def _spans(self) -> list[tuple[datetime, datetime]]:
        return [(since, until) for since, until, _ in spans_of(self._day, self._bits)]

    def counts(self, after: int) -> tuple[int, int]:
        """Readings of the hours up to batch `after`, and those that came later."""
        found = self._db.execute(
            "SELECT count(*) FILTER (silver_batch <= $after), count(*) FILTER (silver_batch > $after) FROM loaded",
            {"after": after},
        ).fetchall()
        return int(found[0][0]), int(found[0][1])

    def refuse_neighbours(self, after: int) -> None:
        """Raises: NotAppendableError where a reading that came after batch `after` changes a stored row of another."""
        ((ties,),) = self._db.execute(_TIED, {"after": after}).fetchall()
        if ties:
            raise NotAppendableError(f"{ties} new readings share series and instant with older ones: ranks change")
        ((mapping,),) = self._db.execute(_TOLD, {"after": after}).fetchall()
        if mapping:
            raise NotAppendableError(f"new readings of {mapping} change what is expected of others")

    def gained(self, after: int) -> Iterator[bytes]:
        """The readings that came after batch `after`, as a Parquet file with the columns of `ADX_READINGS`."""
        found = self._db.sql(
            "SELECT * EXCLUDE (event_date, row) FROM readings WHERE silver_batch > ?", params=[after]
        ).to_arrow_table()
        yield as_parquet(found)
