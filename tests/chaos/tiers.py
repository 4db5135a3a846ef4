"""What the tiers of two homes hold, side by side.

Belongs here: the hub's own files as rows, tables as frames, and the comparison: exact but for sums of floats.
Does not: running anything (`conftest`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from local_azure import endpoints
from local_azure.event_hubs import message
from local_azure.event_hubs.log import read_partition
from quality.contracts.domain_tables import BY_DATE
from quality.contracts.tables import EVENT_NAMES

Frames = dict[str, pl.DataFrame]
APPROXIMATE = ("avg_value", "stdev_value")
"""Sums depend on the order of their terms; all else is exact."""
_OF_SUMS = {f"gold.{table.name}" for table in BY_DATE}
"""Tables that are made of such sums: no double of theirs is exact."""


def hub_rows(data: Path) -> list[tuple[Any, ...]]:
    """Partition, number, enqueued time, offset, partition key and body of every event, straight from the files."""
    found = []
    for partition in map(str, range(endpoints.PARTITIONS)):
        for record in read_partition(data, endpoints.HUB, partition):
            held = message.decode(record.message)
            key = held.annotations["x-opt-partition-key"]
            place = (partition, record.sequence_number, record.enqueued_at, str(record.offset))
            found.append((*place, key, held.body))
    return sorted(found)


def frame_of(rows: Any, *without: str) -> pl.DataFrame:
    """Rows as a frame, some columns left out."""
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame.drop(*without, strict=False)


def _exact(name: str, frame: pl.DataFrame) -> list[str]:
    loose = {column for column in frame.columns if frame[column].dtype == pl.Float64} if name in _OF_SUMS else set()
    return [column for column in frame.columns if column not in loose | set(APPROXIMATE)]


def _ordered(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    reference = [column for column in (*EVENT_NAMES, "index") if column in frame.columns]
    exact = [column for column in _exact(name, frame) if frame[column].dtype != pl.Object]
    return frame.sort(reference or exact, nulls_last=True)


def assert_same_tiers(found: Frames, wanted: Frames) -> None:
    """The same tables with the same rows."""
    assert sorted(found) == sorted(wanted)
    for name, expected in wanted.items():
        left, right = _ordered(name, found[name]), _ordered(name, expected)
        exact = _exact(name, right)
        assert left.columns == right.columns, name
        assert left.height == right.height, name
        assert left.select(exact).equals(right.select(exact)), name
        assert_frame_equal(left, right, rel_tol=1e-9, abs_tol=1e-9 if name in _OF_SUMS else 0.0)
