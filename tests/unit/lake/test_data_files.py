"""Files written beside delta-rs: every reader finds every row, whatever it filters by."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lake.data_files import DataFiles
from lake.fence import once_files
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import READINGS

AT = datetime(2026, 3, 1, 5, tzinfo=UTC)
HOURS = ("2026-03-01-05", "2026-03-01-06")


def rows() -> pa.Table:
    plain = {"string": "x", "double": 1.5, "timestamp": AT, "long": 7, "int": 3}
    values = {column.name: plain[column.type] for column in READINGS.columns}
    table = pa.Table.from_pylist(
        [
            values | {"enqueued_hour": hour, "sequence_number": number, "value_text": None}
            for hour in HOURS
            for number in range(3)
        ],
        schema=arrow_schema(READINGS),
    )
    place = table.schema.get_field_index("device_id")
    return table.set_column(place, "device_id", pc.dictionary_encode(table.column("device_id")))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path))
    files = DataFiles(lake, READINGS)
    files.add(rows())
    actions = files.close()
    assert [action.partition_values["enqueued_hour"] for action in actions] == list(HOURS)
    assert once_files(lake, READINGS, "test", 1, lambda: actions)
    return lake


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(pc.field("device_id") == "x", id="a text without statistics"),
        pytest.param(pc.field("value") > 1, id="a number without statistics"),
        pytest.param(pc.field("value_text").is_null(), id="a column of nulls"),
        pytest.param(pc.field("sequence_number") >= 0, id="a column with statistics"),
    ],
)
def test_a_filter_by_any_column_finds_its_rows(lake: Lake, where: pc.Expression) -> None:
    assert lake.rows(READINGS, where=where).num_rows == 6


def test_other_readers_see_the_contract_and_the_same_rows(lake: Lake) -> None:
    assert lake.rows(READINGS).schema == arrow_schema(READINGS)
    assert pl.read_delta(lake.uri(READINGS)).sort("enqueued_hour", "sequence_number").height == 6
    statistics = lake.open(READINGS).get_add_actions(flatten=True)
    names = [str(name) for name in pa.table(statistics).column_names if str(name).startswith("min.")]
    assert sorted(names) == sorted(f"min.{name}" for name in READINGS.stated)


def test_the_same_version_is_committed_once(lake: Lake) -> None:
    assert not once_files(lake, READINGS, "test", 1, lambda: pytest.fail("asked for files that nobody needs"))
    assert lake.rows(READINGS).num_rows == 6
