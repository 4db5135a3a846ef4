"""Candidates of a batch: hashes stay with their rows, spilled or not, and only claims that meet are contested."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from assets.silver.candidates import HASHED, KEY_HASH, Candidates
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import READINGS

SCHEMA = pa.schema([field for field in arrow_schema(READINGS) if field.name != "silver_batch"])
START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 30_000


def chunk(first: int, rows: int = ROWS) -> pa.Table:
    numbers = range(first, first + rows)
    columns = {}
    for field in SCHEMA:
        if pa.types.is_string(field.type):
            columns[field.name] = pa.array([f"{field.name}-{number % 7}" for number in numbers])
        elif pa.types.is_timestamp(field.type):
            columns[field.name] = pa.array([START + timedelta(minutes=number) for number in numbers], field.type)
        else:
            columns[field.name] = pa.array(numbers).cast(field.type)
    return pa.table(columns)


@pytest.fixture(params=[pytest.param(2**30, id="in memory"), pytest.param(0, id="in files")])
def candidates(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Candidates]:
    made = Candidates(SCHEMA, tmp_path, request.param)
    # Two arrays a column with dictionaries of their own, as a chunk of several mappings has.
    made.add(pa.concat_tables([chunk(0), chunk(ROWS)]))
    made.add(chunk(2 * ROWS))
    yield made
    made.close()


def test_each_row_keeps_its_own_hash(candidates: Candidates) -> None:
    rows = candidates.table()
    with duckdb.connect() as engine:
        engine.register("rows", rows)
        wrong = engine.execute(f"select count(*) from rows where {KEY_HASH} <> {HASHED}").fetchall()
    assert (rows.num_rows, wrong) == (3 * ROWS, [(0,)])


def test_nothing_is_contested_where_no_key_is_claimed_twice(candidates: Candidates) -> None:
    assert candidates.contest(np.empty(0, np.uint64)).num_rows == 0
    assert sum(part.num_rows for part in candidates.uncontested()) == candidates.uncontested_count() == 3 * ROWS


def test_a_key_that_history_holds_is_contested_and_its_date_only_if_nothing_else_is_on_it(
    candidates: Candidates,
) -> None:
    of_first_day = candidates.table().slice(0, 24 * 60).column(KEY_HASH).to_numpy()
    found = candidates.contest(np.unique(of_first_day))
    assert found.num_rows == 24 * 60
    assert START.date() not in candidates.uncontested_dates()
    assert candidates.uncontested_count() == 3 * ROWS - 24 * 60

    candidates.contest(of_first_day[:1])
    assert START.date() in candidates.uncontested_dates()


def test_a_key_that_two_candidates_have_is_contested_for_both(candidates: Candidates) -> None:
    candidates.add(chunk(5, rows=1))
    found = candidates.contest(np.empty(0, np.uint64))
    assert found.column("recorded_at").to_pylist() == [START + timedelta(minutes=5)] * 2
