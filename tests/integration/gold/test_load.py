"""Dates through the real SDK and back: what Azure Data Explorer and Gold Delta hold afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from assets.date_state import loaded
from assets.gold import copying, load
from assets.gold.load import load_dates
from assets.gold.state import dirty_dates
from lake.store import Lake
from orchestration.resources.kusto import Kusto
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import AGGREGATES, DATE_STATE

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)


def extents_of(kusto: Kusto, day: date) -> set[str]:
    names = ", ".join(["Readings", *(kusto_name(table) for table in AGGREGATES.values())])
    rows = kusto.command(f".show tables ({names}) extents | where Tags has 'drop-by:{day}' | project ExtentId")
    return {row["ExtentId"] for row in rows}


def files_of(lake: Lake, level: str, day: date) -> list[str]:
    return sorted(path for path in lake.open(AGGREGATES[level]).file_uris() if f"event_date={day}" in path)


def test_levels_equal_an_independent_computation(silver, lake: Lake, kusto: Kusto, assert_equals_oracle) -> None:
    snapshot = silver.commit(silver.steady(D1) + silver.steady(D2, hours=24, every=90))

    loads = load_dates(lake, kusto, snapshot, [D2, D1])

    assert_equals_oracle()
    assert [(done.date, done.skipped, done.rows["Readings"]) for done in loads] == [(D1, False, 480), (D2, False, 1920)]


def test_a_spread_of_thousandths_survives_values_around_a_billion(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle
) -> None:
    load_dates(lake, kusto, silver.commit(silver.steady(D1, base=1e9)), [D1])

    assert_equals_oracle()


def test_edge_cases_come_out_as_the_contract_says(silver, lake: Lake, kusto: Kusto, assert_equals_oracle, gold) -> None:
    readings = [
        {"recorded_at": silver.at("2026-03-01T00:00:00"), "value": 1.0},
        {"recorded_at": silver.at("2026-03-01T23:59:59.999999"), "value": 2.0},
        {"recorded_at": silver.at("2026-03-02T00:00:00"), "value": 4.0},
        # Ties: the discriminator decides, as text, not the order of arrival; without one is first.
        {
            "device_id": "simulator:tie",
            "recorded_at": silver.at("2026-03-02T10:00:00"),
            "value": 7.0,
            "discriminator": "b",
        },
        {
            "device_id": "simulator:tie",
            "recorded_at": silver.at("2026-03-02T10:00:00"),
            "value": 8.0,
            "discriminator": "",
        },
        {
            "device_id": "simulator:tie",
            "recorded_at": silver.at("2026-03-02T10:00:00"),
            "value": 9.0,
            "discriminator": "a",
        },
        {
            "device_id": "simulator:tie2",
            "recorded_at": silver.at("2026-03-02T10:00:00"),
            "value": 5.0,
            "discriminator": "2",
        },
        {
            "device_id": "simulator:tie2",
            "recorded_at": silver.at("2026-03-02T10:00:00"),
            "value": 6.0,
            "discriminator": "10",
        },
        # No interval is declared for this mapping, and two channels are two series.
        {
            "device_id": "x:1",
            "mapping_id": "other",
            "channel": "a",
            "recorded_at": silver.at("2026-03-02T11:00:00"),
            "value": 0.0,
        },
        {
            "device_id": "x:1",
            "mapping_id": "other",
            "channel": "b",
            "recorded_at": silver.at("2026-03-02T11:00:00"),
            "value": -1.5,
        },
        # A state is a reading, but nothing to average.
        {"device_id": "x:2", "metric": "door", "recorded_at": silver.at("2026-03-02T11:00:00"), "value_text": "open"},
    ]

    load_dates(lake, kusto, silver.commit(readings), [D1, D2])

    assert_equals_oracle()
    rows = gold(lake, "1h")
    assert (
        rows.filter(pl.col("reading_count") == 1)["stdev_value"].null_count() == (rows["reading_count"] == 1).sum() > 0
    )
    ends = rows.filter(pl.col("device_id").str.starts_with("simulator:tie")).select("first_value", "last_value").rows()
    assert ends == [(8.0, 7.0), (6.0, 5.0)]
    assert rows.filter(pl.col("device_id") == "x:1")["expected_count"].null_count() == 2
    assert "x:2" not in rows["device_id"]


def test_a_late_reading_changes_its_own_date_only(silver, lake: Lake, kusto: Kusto, assert_equals_oracle) -> None:
    load_dates(lake, kusto, silver.commit(silver.steady(D1) + silver.steady(D2)), [D1, D2])
    before = extents_of(kusto, D1), {level: files_of(lake, level, D1) for level in AGGREGATES}
    assert len(before[0]) == 5
    assert all(before[1].values())
    snapshot = silver.commit([{"recorded_at": silver.at("2026-03-02T05:00:00"), "value": 99.0}])

    assert dirty_dates(lake) == {D2: 2}
    load_dates(lake, kusto, snapshot, list(dirty_dates(lake)))

    assert_equals_oracle()
    assert (extents_of(kusto, D1), {level: files_of(lake, level, D1) for level in AGGREGATES}) == before
    assert dirty_dates(lake) == {}


def test_a_date_whose_readings_vanish_is_emptied_everywhere(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle, gold
) -> None:
    load_dates(lake, kusto, silver.commit(silver.steady(D1) + silver.steady(D2)), [D1, D2])
    snapshot = silver.commit([], instead_of=f"enqueued_hour = '{D2}-00'", touching=[D2])

    assert dirty_dates(lake) == {D2: 2}
    (done,) = load_dates(lake, kusto, snapshot, [D2])

    assert_equals_oracle()
    assert extents_of(kusto, D2) == set()
    assert D2 not in gold(lake, "1m")["event_date"]
    assert set(done.rows.values()) == {0}
    assert loaded(lake, "readings") == {D1: 1, D2: 2}


def test_dates_without_readings_in_a_range_are_recorded_and_stay_empty(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle
) -> None:
    load_dates(lake, kusto, silver.commit(silver.steady(D1) + silver.steady(D3)), [D1, D2, D3])

    assert_equals_oracle()
    assert loaded(lake, "readings") == {D1: 1, D2: 1, D3: 1}


def test_a_loaded_date_is_skipped_without_asking_kusto(silver, lake: Lake, kusto: Kusto) -> None:
    snapshot = silver.commit(silver.steady(D1))
    load_dates(lake, kusto, snapshot, [D1])
    kusto.close()

    (done,) = load_dates(lake, Kusto("http://127.0.0.1:9", "nowhere"), snapshot, [D1])

    assert done.skipped


def test_what_kusto_holds_already_is_not_loaded_again(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = silver.commit(silver.steady(D1))
    load_dates(lake, kusto, snapshot, [D1])
    held = extents_of(kusto, D1)
    lake.open(DATE_STATE).delete()
    lake.open(AGGREGATES["5m"]).delete()
    monkeypatch.setattr(kusto, "ingest_parquet", lambda *_: pytest.fail("it was ingested again"))

    (done,) = load_dates(lake, kusto, snapshot, [D1])

    assert not done.skipped
    assert extents_of(kusto, D1) == held


def test_results_larger_than_a_slice_are_read_whole(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One window with more devices than a slice, a date with more windows, and several dates in one slice."""
    monkeypatch.setattr(copying, "SLICE_ROWS", 40)
    crowd = silver.steady(D1, devices=100, every=3600)
    sizes = []
    query = kusto.query

    def counted(*arguments: Any) -> Any:
        answer = query(*arguments)
        sizes.append(answer.num_rows)
        return answer

    monkeypatch.setattr(kusto, "query", counted)
    load_dates(
        lake, kusto, silver.commit(crowd + silver.steady(D2) + silver.steady(D3, devices=1, every=600)), [D1, D2, D3]
    )
    assert max(sizes) <= 60

    monkeypatch.undo()
    assert_equals_oracle()


def test_two_loaders_at_once_do_no_harm(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle: Callable[..., None]
) -> None:
    snapshot = silver.commit(silver.steady(D1) + silver.steady(D2))
    other = Kusto(kusto.uri, kusto.database, ingest_timeout_seconds=30)
    lake.identity()
    failures: list[str] = []

    def run(client: Kusto) -> None:
        try:
            load_dates(lake, client, snapshot, [D1, D2])
        except RuntimeError as error:
            failures.append(str(error))

    threads = [threading.Thread(target=run, args=(client,)) for client in (kusto, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    load_dates(lake, kusto, snapshot, [D1, D2])

    assert len(failures) < 2, failures
    assert_equals_oracle()
    other.close()


def test_more_dates_than_are_taken_at_once(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "DATES_AT_ONCE", 2)
    days = [D1, D2, D3]
    readings = [{"recorded_at": silver.at(f"{day}T12:00:00"), "value": 1.0} for day in days]
    said: list[str] = []

    loads = load_dates(lake, kusto, silver.commit(readings), [*days, D3 + timedelta(days=9)], said.append)

    assert_equals_oracle()
    assert [done.rows["Readings"] for done in loads] == [1, 1, 1, 0]
    assert [text.split(" at ")[0] for text in said if " dates) at " in text] == [
        "gold: 2026-03-01 to 2026-03-02 (2 dates)",
        "gold: 2026-03-03 to 2026-03-03 (1 dates)",
        "gold: 2026-03-12 to 2026-03-12 (1 dates)",
    ]
