"""Spans hold every moment asked for, and little else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from lake.pruning import same_moments

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
TYPE = pa.timestamp("us", "UTC")


def kept(asked: Sequence[float], there: Sequence[float]) -> list[float]:
    """Of the hours `there`, those that the predicate for the hours `asked` keeps."""
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        db.register("asked", pa.table({"at": pa.array([BEGIN + timedelta(hours=h) for h in asked], TYPE)}))
        predicate = same_moments(db, "asked", "at")
    rows = pa.table({"at": pa.array([BEGIN + timedelta(hours=h) for h in there], TYPE), "hour": list(there)})
    return ds.dataset(rows).to_table(filter=predicate)["hour"].to_pylist() if predicate is not None else []


def test_no_row_asks_for_nothing() -> None:
    assert kept([], [1.0]) == []


@pytest.mark.parametrize(
    ("asked", "there", "wanted"),
    [
        pytest.param([0, 0.5, 1], [-0.01, 0, 0.7, 1, 1.01], [0, 0.7, 1], id="a gap below an hour is bridged"),
        pytest.param([0, 5000], [0, 1, 2500, 5000], [0, 5000], id="a wrong clock is a span of its own"),
        pytest.param([-200_000, 3], [-200_000, 0, 3], [-200_000, 3], id="before 2026 and before 1970 too"),
    ],
)
def test_only_what_lies_within_a_span_is_kept(asked: list[float], there: list[float], wanted: list[float]) -> None:
    assert kept(asked, there) == wanted


def test_more_spans_than_can_be_told_apart_still_hold_every_moment() -> None:
    asked = [float(10 * n) for n in range(500)]

    found = kept(asked, [n - 5.0 for n in asked] + asked)

    assert set(asked) <= set(found)
    assert -5.0 not in found
    assert 315.0 not in found
