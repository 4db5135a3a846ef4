"""`gold.data_quality_1d`: every row that arrived on a day, counted once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from assets.date_state import loaded
from assets.gold.quality import load_quality
from assets.gold.state import dirty_quality_dates
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import DATA_QUALITY_1D, DUPLICATES, QUARANTINE

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


BLANK = {"string": "", "long": 0, "int": 0, "binary": b"", "timestamp": datetime(2026, 3, 1, 0, 10, tzinfo=UTC)}


def beside(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of quarantine or duplicates of the first hour of D1, from the fields that matter here."""
    blank = {column.name: None if column.null else BLANK[column.type] for column in table.columns}
    blank |= {"hub": "telemetry", "partition_id": "0", "enqueued_hour": f"{D1}-00"}
    return pa.Table.from_pylist([blank | row for row in rows], schema=arrow_schema(table))


@pytest.fixture
def snapshot(silver) -> Any:
    accepted = [
        {"recorded_at": silver.at("2026-03-01T00:10:00"), "value": 1.0, "sequence_number": 1, "index": 0},
        {"recorded_at": silver.at("2026-03-01T00:10:00"), "value": 2.0, "sequence_number": 1, "index": 1},
        # Recorded the day before, but it arrived on D2: this table goes by arrival.
        {
            "recorded_at": silver.at("2026-03-01T23:00:00"),
            "enqueued_at": silver.at("2026-03-02T00:00:00"),
            "value": 3.0,
        },
    ]
    rejected = [
        {"reason": "not_a_number", "mapping_id": "simulator_json", "sequence_number": 1, "index": 2},
        {"reason": "invalid_json", "mapping_id": None, "sequence_number": 2, "index": -1},
        {"reason": "invalid_json", "mapping_id": None, "sequence_number": 3, "index": -1},
    ]
    repeated = [{"mapping_id": "simulator_json", "sequence_number": 4, "index": index} for index in range(4)]
    return silver.commit(accepted, quarantine=beside(QUARANTINE, rejected), duplicates=beside(DUPLICATES, repeated))


def counted(lake: Lake) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in lake.rows(DATA_QUALITY_1D).to_pylist()}


ALL = {
    (D1, "simulator_json", "accepted", "", 2, 1),
    (D1, "simulator_json", "quarantined", "not_a_number", 1, 1),
    (D1, "", "quarantined", "invalid_json", 2, 2),
    (D1, "simulator_json", "duplicate", "", 4, 1),
    (D2, "simulator_json", "accepted", "", 1, 1),
}


def test_rows_and_events_are_counted_by_day_of_arrival_mapping_outcome_and_reason(lake: Lake, snapshot: Any) -> None:
    loads = load_quality(lake, snapshot, [D1, D2])

    assert counted(lake) == ALL
    assert [(load.date, load.skipped, load.rows) for load in loads] == [(D1, False, 4), (D2, False, 1)]


def test_a_second_run_changes_nothing(lake: Lake, snapshot: Any) -> None:
    load_quality(lake, snapshot, [D1, D2])
    version = lake.version(DATA_QUALITY_1D)

    assert all(load.skipped for load in load_quality(lake, snapshot, [D1, D2]))
    assert lake.version(DATA_QUALITY_1D) == version


def test_dirty_dates_are_those_written_after_they_were_counted(silver, lake: Lake, snapshot: Any) -> None:
    # The fixture's log names the hours of its readings only.
    assert dirty_quality_dates(lake) == {D1: 1, D2: 1}
    load_quality(lake, snapshot, [D1, D2])
    assert dirty_quality_dates(lake) == {}

    silver.commit([{"recorded_at": silver.at("2026-03-02T07:00:00"), "value": 1.0}])
    assert dirty_quality_dates(lake) == {D2: 2}
    assert loaded(lake, "quality") == {D1: 1, D2: 1}


def test_a_replaced_day_leaves_no_row_of_before(silver, lake: Lake, snapshot: Any) -> None:
    load_quality(lake, snapshot, [D1, D2])
    emptied = silver.commit([], instead_of=f"enqueued_hour = '{D2}-00'")

    (load,) = load_quality(lake, emptied, [D2])

    assert counted(lake) == {row for row in ALL if row[0] == D1}
    assert load.rows == 0
    assert loaded(lake, "quality")[D2] == 2


def test_both_lanes_keep_their_own_state(lake: Lake, snapshot: Any) -> None:
    load_quality(lake, snapshot, [D1])
    assert loaded(lake, "readings") == {}
    assert loaded(lake, "quality") == {D1: 1}
