"""What goes wrong on the way to the swap is loud, and the target stays as it was."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow.parquet as pq
import pytest

from assets.gold import database
from assets.gold.copying import CopyError
from assets.gold.load import LoadError, load_dates
from lake.store import Lake
from orchestration.resources.kusto import Kusto, KustoRefusedError
from quality.contracts.tables import AGGREGATES, DATE_STATE

D1 = date(2026, 3, 1)


def held(kusto: Kusto, lake: Lake) -> Any:
    """Everything Gold holds, as values that can be compared."""
    levels = [kusto.query(f"{name} | sort by device_id asc, window_start asc") for name in ("Readings1m", "Readings1d")]
    readings = kusto.query("Readings | summarize rows = count(), total = sum(value)").to_pylist()
    return readings, levels, [lake.rows(table).sort_by("window_start") for table in AGGREGATES.values()]


@pytest.fixture
def loaded_once(silver, lake: Lake, kusto: Kusto) -> Iterator[Any]:
    """A loaded date, and a next batch of it that is not loaded yet."""
    load_dates(lake, kusto, silver.commit(silver.steady(D1, every=60)), [D1])
    before = held(kusto, lake)
    yield silver.commit(silver.steady(D1, devices=3, every=60)[120:])
    assert held(kusto, lake) == before
    assert lake.rows(DATE_STATE)["silver_batch"].to_pylist() == [1]
    assert kusto.query("Readings_stage | count")["Count"].to_pylist() == [0]


def shortened(data: bytes) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(data)).slice(1), buffer)
    return buffer.getvalue()


def test_a_stage_with_too_few_rows_is_dropped_and_never_swapped(
    loaded_once: Any, lake: Lake, kusto: Kusto, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = kusto.ingest_parquet
    monkeypatch.setattr(kusto, "ingest_parquet", lambda data, *rest: ingest(shortened(data), *rest))

    with pytest.raises(LoadError, match=r"Readings_stage.*2026-03-01 has 59 of 60 rows.*as it was.*run the dates"):
        load_dates(lake, kusto, loaded_once, [D1])


def test_a_refused_file_fails_with_what_kusto_says(
    loaded_once: Any, lake: Lake, kusto: Kusto, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = kusto.ingest_parquet
    monkeypatch.setattr(kusto, "ingest_parquet", lambda data, *rest: ingest(b"no parquet", *rest))

    with pytest.raises(LoadError, match=r"2026-03-01 was refused: .*[Pp]arquet"):
        load_dates(lake, kusto, loaded_once, [D1])


def test_a_file_that_never_arrives_fails_after_the_timeout(
    loaded_once: Any, lake: Lake, kusto: Kusto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kusto, "ingest_parquet", lambda *_: "lost")
    monkeypatch.setattr(kusto, "ingest_timeout_seconds", 0.5)

    with pytest.raises(LoadError, match=r"has 0 of 60 rows; 1 of 1 files are unreported"):
        load_dates(lake, kusto, loaded_once, [D1])


def test_reports_taken_by_another_program_only_cost_time(
    silver, lake: Lake, kusto: Kusto, monkeypatch: pytest.MonkeyPatch, assert_equals_oracle
) -> None:
    monkeypatch.setattr(kusto, "reports", list)

    load_dates(lake, kusto, silver.commit(silver.steady(D1)), [D1])

    assert_equals_oracle()


def test_windows_that_kql_did_not_see_stop_the_level(
    silver, lake: Lake, kusto: Kusto, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = silver.commit(silver.steady(D1))
    query = database.level_query
    monkeypatch.setattr(database, "level_query", lambda *given: query(*given) + " | where device_id endswith '1'")

    with pytest.raises(LoadError, match=r"Readings1m_stage.*KQL and Silver disagree.*has 60 of 120 rows"):
        load_dates(lake, kusto, snapshot, [D1])

    assert kusto.query("Readings1m | count")["Count"].to_pylist() == [0]
    assert kusto.query("Readings1m_stage | count")["Count"].to_pylist() == [0]


def test_an_older_loader_never_puts_a_date_back(silver, lake: Lake, kusto: Kusto) -> None:
    old = silver.commit(silver.steady(D1))
    load_dates(lake, kusto, silver.commit([{"recorded_at": silver.at("2026-03-01T09:00:00"), "value": 1.0}]), [D1])
    lake.open(DATE_STATE).delete()

    with pytest.raises(LoadError, match="at Silver batch 2, which is newer than 1"):
        load_dates(lake, kusto, old, [D1])

    assert kusto.query("Readings | count")["Count"].to_pylist() == [481]


def test_a_copy_that_lacks_rows_is_not_committed(
    silver, lake: Lake, kusto: Kusto, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = kusto.query
    monkeypatch.setattr(kusto, "query", lambda *given: query(*given).slice(1))

    with pytest.raises(CopyError, match=r"Readings1m answered 119 rows for 2026-03-01 .* holds 120"):
        load_dates(lake, kusto, silver.commit(silver.steady(D1, devices=2)), [D1])

    assert lake.rows(AGGREGATES["1m"]).num_rows == 0
    assert lake.rows(DATE_STATE).num_rows == 0


def test_an_unreachable_endpoint_says_where_it_looked(silver, lake: Lake) -> None:
    with pytest.raises(KustoRefusedError, match=r"http://127\.0\.0\.1:9 \(database 'telemetry'\)"):
        load_dates(lake, Kusto("http://127.0.0.1:9", "telemetry"), silver.commit(silver.steady(D1)), [D1])


def test_a_result_the_service_cuts_is_an_error_not_a_part(kusto: Kusto) -> None:
    with pytest.raises(KustoRefusedError, match="record"):
        kusto.query("range x from 1 to 600000 step 1")
