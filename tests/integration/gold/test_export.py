"""Silver laid out for Azure Data Explorer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from assets.gold import export
from assets.gold.export import Export
from lake.store import Lake
from quality.contracts.tables import ADX_READINGS

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)


def rows_of(exported: Export, day: date) -> list[dict[str, Any]]:
    return [
        row
        for data in exported.files(day, exported.expected()[day].rows)
        for row in pq.read_table(io.BytesIO(data)).to_pylist()
    ]


@pytest.fixture
def exported(silver, lake: Lake) -> Iterator[Export]:
    tied = {"recorded_at": silver.at("2026-03-01T10:00:00"), "value": 1.0}
    first = silver.commit(
        [
            *({**tied, "discriminator": text} for text in ("b", "", "a")),
            {**tied, "device_id": "x:1", "discriminator": "9", "mapping_id": "other"},
            {**tied, "device_id": "x:2", "metric": "door", "value": None, "value_text": "open"},
            {"recorded_at": silver.at("2026-03-01T23:59:59.999999"), "value": 2.0},
            {"recorded_at": silver.at("2026-03-02T00:00:00"), "value": 3.0},
        ]
    )
    silver.commit([{"recorded_at": silver.at("2026-03-01T12:00:00"), "value": 4.0}])
    with Export(lake, first.readings, [D1, D2, D3]) as found:
        yield found


def test_columns_are_those_of_the_contract(exported: Export) -> None:
    (data,) = exported.files(D1, 6)
    assert tuple(pq.read_schema(io.BytesIO(data)).names) == ADX_READINGS.names


def test_only_the_pinned_version_is_read(exported: Export) -> None:
    assert 4.0 not in [row["value"] for row in rows_of(exported, D1)]
    assert len(rows_of(exported, D1)) == 6


def test_midnight_belongs_to_the_date_it_begins(exported: Export) -> None:
    assert [row["value"] for row in rows_of(exported, D2)] == [3.0]


def test_readings_of_one_instant_are_ranked_by_discriminator(exported: Export) -> None:
    ranks = {
        row["discriminator"]: row["ordinal"] for row in rows_of(exported, D1) if row["device_id"].endswith("sim-1")
    }
    assert ranks == {"": 0, "a": 1, "b": 2}
    assert [row["ordinal"] for row in rows_of(exported, D1) if row["device_id"] == "x:1"] == [0]


def test_the_declared_interval_is_that_of_mapping_and_digest(exported: Export) -> None:
    intervals = {row["device_id"]: row["interval_s"] for row in rows_of(exported, D1)}
    assert intervals == {"simulator:sim-1": 15.0, "x:1": None, "x:2": None}


def test_windows_are_counted_per_level_and_states_have_none(exported: Export) -> None:
    expected = exported.expected()
    assert expected[D1].tables == {"Readings": 6, "Readings1m": 3, "Readings5m": 3, "Readings1h": 3, "Readings1d": 2}
    assert expected[D2].tables == {"Readings": 1, "Readings1m": 1, "Readings5m": 1, "Readings1h": 1, "Readings1d": 1}
    assert set(expected[D3].tables.values()) == {0}


def test_a_large_date_is_cut_into_files_that_hold_each_reading_once(
    silver, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "FILE_ROWS", 100)
    snapshot = silver.commit(silver.steady(D1))
    with Export(lake, snapshot.readings, [D1]) as found:
        parts = [pl.read_parquet(data) for data in found.files(D1, 480)]
    assert len(parts) == 5
    assert max(part.height for part in parts) <= 100
    assert pl.concat(parts).select("device_id", "recorded_at").n_unique() == 480


def test_a_digest_the_lake_does_not_hold_is_named(silver, lake: Lake) -> None:
    silver.digest = "0" * 16
    snapshot = silver.commit(silver.steady(D1, hours=1, every=600))
    with pytest.raises(KeyError, match=r"0000000000000000 is not in silver\.digests"):
        Export(lake, snapshot.readings, [D1, D1 + timedelta(days=1)])
