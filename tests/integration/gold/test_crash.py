"""Loads cut short by SIGKILL at every named point, and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from assets.gold.load import load_dates
from assets.silver.snapshot import Snapshot
from lake.store import Lake
from orchestration.resources.kusto import Kusto
from quality.contracts.tables import DATE_STATE

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
# In the order in which a load reaches them, so that each is reached although the one before had been.
ALL = (
    "gold.after_export",
    "gold.after_queue",
    "gold.after_ingest",
    "gold.after_swap",
    "gold.after_level",
    "gold.after_level@2",
    "gold.after_level@4",
    "gold.after_copy",
    "gold.after_copy@2",
    "gold.after_copy@4",
)
# One of each kind; all of them with LAKE_DEEP_TESTS, as in `test_ten_loads`, which needs no process for each.
POINTS = ALL if os.environ.get("LAKE_DEEP_TESTS") else ("gold.after_ingest", "gold.after_level@2", "gold.after_copy@2")


def load_until(point: str, lake: Lake, kusto: Kusto, snapshot: Snapshot, *dates: date) -> None:
    script = Path(__file__).with_name("load_once.py")
    arguments = [lake.root, kusto.uri, kusto.database, json.dumps(asdict(snapshot)), *map(str, dates)]
    ended = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, "LAKE_KILL_AT": point, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, f"{point} was not reached: {ended.stderr[-2000:]}"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_one_batch_killed_at_point_after_point_ends_as_if_undisturbed(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle
) -> None:
    snapshot = silver.commit(silver.steady(D1) + silver.steady(D2))

    for point in POINTS:
        load_until(point, lake, kusto, snapshot, D1, D2)
    load_dates(lake, kusto, snapshot, [D1, D2])

    assert_equals_oracle()
    assert lake.rows(DATE_STATE).num_rows == 2


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_batches_each_killed_at_another_point_leave_only_the_last(
    silver, lake: Lake, kusto: Kusto, assert_equals_oracle
) -> None:
    load_dates(lake, kusto, silver.commit(silver.steady(D1) + silver.steady(D2)), [D1, D2])

    for number, point in enumerate(POINTS):
        late = {
            "recorded_at": silver.at(f"2026-03-01T05:{number:02}:00"),
            "value": float(number),
            "device_id": f"x:{number}",
        }
        snapshot = silver.commit([late])
        load_until(point, lake, kusto, snapshot, D1)
    load_dates(lake, kusto, snapshot, [D1])

    assert_equals_oracle()
