"""Each check passes on good tables and fails when it must, with what a person needs to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lake.fence import append
from lake.store import Lake
from quality import checks
from quality.contracts import tables
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import DUPLICATES, READINGS
from quality.rules.ledger import Ledger, StreamLine

HOURS = ("2026-03-01-03", "2026-03-01-04")
TABLES = sorted((each for each in vars(tables).values() if isinstance(each, Table)), key=lambda table: table.path)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def reading(minute: int, hour: str = HOURS[0], **said: Any) -> dict[str, Any]:
    return {
        "device_id": "x:1", "metric": "air_temperature", "channel": "", "discriminator": "", "value": 20.0,
        "recorded_at": datetime(2026, 3, 1, 2, tzinfo=UTC) + timedelta(minutes=minute), "unit": "degC", "flags": 0,
        "recorded_at_source": "device", "hub": "hub", "partition_id": "0", "epoch": 0, "sequence_number": minute,
        "index": 0, "enqueued_at": datetime.strptime(hour, "%Y-%m-%d-%H").replace(tzinfo=UTC), "mapping_id": "m",
        "digest": "d", "silver_batch": 1, "enqueued_hour": hour, **said,
    }  # fmt: skip


def put(lake: Lake, *rows: dict[str, Any]) -> None:
    append(lake, READINGS, pa.Table.from_pylist(list(rows), schema=arrow_schema(READINGS)))


# -- schema --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.path)
def test_a_table_made_from_its_contract_passes(lake: Lake, table: Table) -> None:
    assert checks.schema_result(lake, table).passed


def without(name: str) -> Callable[[pa.Schema], pa.Schema]:
    return lambda schema: schema.remove(schema.get_field_index(name))


def retyped(name: str, kind: pa.DataType, *, nullable: bool = False) -> Callable[[pa.Schema], pa.Schema]:
    return lambda schema: schema.set(schema.get_field_index(name), pa.field(name, kind, nullable))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(without("unit"), "'unit': 'is absent, contract says string not null'", id="a column is gone"),
        pytest.param(
            lambda schema: schema.append(pa.field("site", pa.string())),
            "'site': 'is not in the contract'",
            id="a column is new",
        ),
        pytest.param(
            retyped("flags", pa.int32()), "is int32 not null, contract says int64 not null", id="another type"
        ),
        pytest.param(
            retyped("unit", pa.string(), nullable=True), "is string, contract says string not null", id="may be null"
        ),
        pytest.param(
            lambda schema: pa.schema([schema.field(1), schema.field(0), *list(schema)[2:]]),
            "'order': 'is metric, device_id,",
            id="another order",
        ),
    ],
)
def test_a_schema_that_has_drifted_fails(lake: Lake, change: Callable[[pa.Schema], pa.Schema], said: str) -> None:
    DeltaTable.create(lake.uri(READINGS), change(arrow_schema(READINGS)), partition_by=["enqueued_hour"])

    result = checks.schema_result(lake, READINGS)

    assert not result.passed
    assert said in str(result.metadata["wrong"].value)


def test_another_partitioning_fails(lake: Lake) -> None:
    DeltaTable.create(lake.uri(READINGS), arrow_schema(READINGS), partition_by=["device_id"])

    assert "partitioning" in str(checks.schema_result(lake, READINGS).metadata["wrong"].value)


def test_a_schema_changed_by_a_later_write_fails(lake: Lake) -> None:
    put(lake, reading(0))
    wider = lake.rows(READINGS).append_column("site", pa.array(["x"]))
    write_deltalake(lake.open(READINGS), wider, mode="append", schema_mode="merge")

    assert not checks.schema_result(lake, READINGS).passed


# -- keys ----------------------------------------------------------------------------------------------------


def keys(lake: Lake, hours: Sequence[str] = HOURS[:1]) -> tuple[bool | None, dict[str, Any]]:
    result = checks.keys_result(lake, READINGS, "enqueued_hour", hours)
    return result.passed, {name: value.value for name, value in result.metadata.items()}


def test_unique_keys_pass(lake: Lake) -> None:
    put(lake, reading(0), reading(1), reading(0, metric="co2"), reading(2, HOURS[1]))

    assert keys(lake) == (True, {"rows": 3, "keys_twice": 0, "keys_also_elsewhere": 0})


def test_a_key_twice_in_the_touched_hour_fails(lake: Lake) -> None:
    put(lake, reading(0), reading(0, value=21.0, sequence_number=9))

    assert keys(lake) == (False, {"rows": 2, "keys_twice": 1, "keys_also_elsewhere": 0})


@pytest.mark.parametrize("minute", [0, -500_000])
def test_a_key_that_also_lies_in_an_hour_not_touched_fails(lake: Lake, minute: int) -> None:
    put(lake, reading(minute), reading(7))
    put(lake, reading(minute, HOURS[1], sequence_number=9))

    assert keys(lake) == (False, {"rows": 2, "keys_twice": 0, "keys_also_elsewhere": 1})


def test_what_lies_twice_where_nothing_was_touched_is_not_this_runs_affair(lake: Lake) -> None:
    put(lake, reading(5), reading(0, HOURS[1]), reading(0, HOURS[1]))

    assert keys(lake)[0]


@pytest.mark.parametrize("hours", [(), HOURS])
def test_hours_without_rows_pass(lake: Lake, hours: Sequence[str]) -> None:
    assert keys(lake, hours)[0]


def test_a_table_whose_key_has_no_time_is_searched_whole(lake: Lake) -> None:
    reference = {name: 0 for name in DUPLICATES.names if name.endswith(("epoch", "sequence_number", "index"))}
    text = dict.fromkeys((name for name in DUPLICATES.names if name not in reference), "x")
    times = {"recorded_at": datetime(2026, 3, 1, tzinfo=UTC), "enqueued_at": datetime(2026, 3, 1, 3, tzinfo=UTC)}
    row = {**text, **reference, **times, "silver_batch": 1}
    rows = [row | {"enqueued_hour": hour} for hour in HOURS]
    append(lake, DUPLICATES, pa.Table.from_pylist(rows, schema=arrow_schema(DUPLICATES)))

    assert not checks.keys_result(lake, DUPLICATES, "enqueued_hour", HOURS[:1]).passed


# -- ledger --------------------------------------------------------------------------------------------------

GOOD = {
    "stream": "hub/0/0", "first": 0, "last": 9, "rows": 10, "repeated": 0, "missing": 0, "lag": 2, "accepted": 5,
    "partial": 1, "quarantined": 2, "duplicate": 1, "unaccounted": 0, "unfounded": 0,
}  # fmt: skip


@pytest.mark.parametrize("change", [{}, {"missing": 4}, {"lag": 3}], ids=["good", "gaps between hours", "lag"])
def test_a_ledger_over_some_hours_passes(change: dict[str, int]) -> None:
    result = checks.ledger_result(READINGS, Ledger(batch=1, streams=(StreamLine(**{**GOOD, **change}),)))

    assert result.passed
    assert "next" not in result.metadata


def test_a_run_that_touched_nothing_passes() -> None:
    assert checks.ledger_result(READINGS, None).passed


@pytest.mark.parametrize("fault", ["unaccounted", "unfounded", "repeated"])
def test_a_faulty_stream_among_good_ones_fails_and_says_what_to_do(fault: str) -> None:
    lines = (StreamLine(**GOOD), StreamLine(**{**GOOD, fault: 3}))

    result = checks.ledger_result(READINGS, Ledger(batch=1, streams=lines))

    assert not result.passed
    assert (result.metadata[fault].value, result.metadata["next"].value) == (3, "lakehouse ledger")


@pytest.mark.parametrize("spec", [checks.schema_spec, checks.keys_spec, checks.ledger_spec])
def test_every_check_blocks_what_comes_after(spec: Callable[[Table], Any]) -> None:
    assert spec(READINGS).blocking
