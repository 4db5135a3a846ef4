"""Tables come from their contracts, once; the lake knows who it is."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pyarrow as pa
import pytest
from deltalake.exceptions import TableNotFoundError

from lake import store
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import BATCHES, BRONZE_TELEMETRY, IDENTITY, QUARANTINE, READINGS
from settings.model import Settings


@pytest.mark.parametrize("table", [BRONZE_TELEMETRY, READINGS, QUARANTINE, BATCHES], ids=lambda table: table.path)
def test_a_table_is_created_as_its_contract_says(lake: Lake, table: Table) -> None:
    assert not lake.exists(table)
    assert lake.version(table) == -1

    made = lake.open(table)

    assert pa.schema(made.schema().to_arrow()) == arrow_schema(table)
    assert tuple(made.metadata().partition_columns) == table.partition_by
    assert lake.exists(table)
    assert lake.version(table) == 0


def test_looking_at_a_version_creates_nothing(lake: Lake) -> None:
    with pytest.raises(TableNotFoundError):
        lake.open(READINGS, version=3)
    assert not lake.exists(READINGS)


def test_threads_that_create_a_table_together_get_one_table(lake: Lake) -> None:
    together = Barrier(6)

    def opened(_n: int) -> int:
        together.wait(timeout=30)
        return lake.open(READINGS).version()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(opened, range(6))) == [0] * 6
    assert len(list(Path(lake.uri(READINGS), "_delta_log").glob("*.json"))) == 1


def test_the_lake_is_where_the_settings_say(tmp_path: Path) -> None:
    assert Lake.of(Settings(home=tmp_path)).root == str(tmp_path / "lake")
    assert Lake.of(Settings(root=f"{tmp_path}/elsewhere/")).root == f"{tmp_path}/elsewhere"


def test_an_identity_is_made_at_first_use_and_kept(lake: Lake) -> None:
    first = lake.identity()

    assert Lake(lake.root).identity() == first
    assert lake.rows(IDENTITY)["why"].to_pylist() == ["created"]


def test_a_renewed_identity_counts_from_then_on(lake: Lake) -> None:
    first = lake.identity()

    renewed = lake.renew_identity("restored from backup")

    assert renewed != first
    assert Lake(lake.root).identity() == renewed
    assert sorted(lake.rows(IDENTITY)["why"].to_pylist()) == ["created", "restored from backup"]


def test_a_clock_that_runs_behind_does_not_bring_the_old_identity_back(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lake.identity()
    monkeypatch.setattr(store, "now", lambda: datetime(2001, 1, 1, tzinfo=UTC))

    assert lake.renew_identity("restored") == lake.identity() != first


def test_a_lake_renewed_before_it_had_an_identity_has_one(lake: Lake) -> None:
    assert lake.renew_identity("restored") == lake.identity()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_processes_that_ask_first_together_agree_on_one_identity(lake: Lake) -> None:
    script = "import sys; from lake.store import Lake; sys.stdin.readline(); print(Lake(sys.argv[1]).identity())"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, lake.root],
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = {process.communicate(timeout=90)[0].strip() for process in running}

    assert said == {lake.identity()}
    assert lake.rows(IDENTITY).num_rows == 1


@pytest.mark.timeout(60)
def test_an_identity_made_meanwhile_by_another_counts_for_both(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    other: list[str] = []

    def interrupted() -> datetime:
        monkeypatch.undo()
        other.append(Lake(lake.root).identity())
        return datetime(2030, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(store, "now", interrupted)

    assert [lake.identity()] == other
    assert lake.rows(IDENTITY).num_rows == 1
