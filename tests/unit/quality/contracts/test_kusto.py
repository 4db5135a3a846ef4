"""Contracts as Kusto sees them, and values as KQL text that cannot become anything else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from quality.contracts.kusto import (
    column_type,
    create_table,
    identifier,
    kusto_name,
    literal,
    parquet_mapping,
    schema,
    stage_name,
)
from quality.contracts.tables import ADX_READINGS, AGGREGATES, BRONZE_TELEMETRY, DATA_QUALITY_1D, READINGS_1H


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ('say "no"\\', '"say \\"no\\"\\\\"'),
        ("two\nlines", '"two\\nlines"'),
        (date(2026, 3, 1), "datetime(2026-03-01)"),
        (datetime(2026, 3, 1, 12, 0, 0, 5, UTC), "datetime(2026-03-01T12:00:00.000005Z)"),
        (datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2))), "datetime(2026-02-28T23:00:00.000000Z)"),
        (timedelta(minutes=5), "300s"),
        (True, "true"),
        (7, "long(7)"),
        (0.1, "real(0.1)"),
    ],
)
def test_a_value_becomes_a_typed_literal(value: Any, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize("value", [datetime.fromisoformat("2026-03-01T00:00"), timedelta(milliseconds=1500)])
def test_a_value_without_exact_meaning_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="datetime"):
        literal(value)


@pytest.mark.parametrize("name", ["", "1m", "a b", "T | count", "x;y", "naïve", "T\n"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no Kusto name"):
        identifier(name)


def test_tables_have_the_names_of_the_design() -> None:
    tables = (ADX_READINGS, *AGGREGATES.values(), DATA_QUALITY_1D)
    wanted = ["Readings", "Readings1m", "Readings5m", "Readings1h", "Readings1d", "DataQuality1d"]
    assert [kusto_name(table) for table in tables] == wanted
    assert stage_name(READINGS_1H) == "Readings1h_stage"


def test_ddl_lists_every_column_in_contract_order() -> None:
    command = create_table(READINGS_1H, "Readings1h")
    assert command.startswith(".create-merge table Readings1h (['event_date']: datetime, ['device_id']: string, ")
    assert [part.split("'")[1] for part in schema(READINGS_1H).split(", ")] == list(READINGS_1H.names)


def test_the_mapping_fills_every_column_from_the_field_of_its_name() -> None:
    mapping = parquet_mapping(ADX_READINGS)
    assert [name for name, _, _ in mapping] == list(ADX_READINGS.names)
    assert mapping[5] == ("value", "real", "$.value")


def test_bytes_do_not_belong_in_kusto() -> None:
    with pytest.raises(ValueError, match="'body' is binary"):
        column_type(BRONZE_TELEMETRY.column("body"))
