"""A batch cut short by SIGKILL at every named point, and taken up again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from assets.silver import batches
from assets.silver.audit import audit
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality.contracts.tables import BATCHES, QUARANTINE_HISTORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

APPEND = ("before_plan", "after_plan", "after_quarantine", "after_duplicates", "after_readings")
REPLACE = ("before_plan", "after_plan", "after_quarantine_history", *APPEND[2:])
HOURS = ("2026-03-01-03", "2026-03-01-04")


@pytest.fixture
def prepared(tmp_path: Path, hub, promoter) -> Callable[[], Lake]:
    """A lake after one batch with more events waiting; every call makes another copy."""
    hub.arrive(
        hub.event("03:10", 20), hub.event("03:20", 20), hub.event("04:10", 30), hub.event("03:30", 160, device="b"),
        hub.event("03:40", body=b"{"), hub.event("04:20", 40, device="c"),
    )  # fmt: skip
    promoter(1).promote()
    hub.arrive(
        hub.event("03:50", 20), hub.event("04:50", 50), hub.event("04:30", 100, device="b"), hub.event("05:10", 1, device="d")
    )  # fmt: skip
    copies = iter(range(100))

    def copy() -> Lake:
        return Lake(shutil.copytree(hub.lake.root, tmp_path / f"copy-{next(copies)}"))

    return copy


@pytest.fixture
def killed(tmp_path: Path, mapping) -> Callable[..., None]:
    def run(lake: Lake, point: str, scale: float, hours: Sequence[str] = ()) -> None:
        content = tmp_path / "content.json"
        content.write_text(mapping(scale).content, encoding="utf-8")
        ended = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("promote_once.py")), lake.root, str(content), "1000", *hours],
            env={**os.environ, "LAKE_KILL_AT": f"silver.{point}", "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL, f"{point} was not reached: {ended.stderr[-2000:]}"

    return run


def state(lake: Lake, everything: Callable[..., object]) -> SimpleNamespace:
    log = lake.rows(BATCHES).drop_columns(["planned_at"]).sort_by("batch").to_pylist()
    history = lake.rows(QUARANTINE_HISTORY).to_pylist()
    return SimpleNamespace(
        tables=everything(lake, batches=True), log=log, history=sorted(history, key=lambda row: row["sequence_number"])
    )


@pytest.mark.parametrize("point", APPEND)
def test_an_append_killed_anywhere_ends_as_if_undisturbed(prepared, killed, promoter, everything, point: str) -> None:
    undisturbed, lake = prepared(), prepared()
    promoter(1, on=undisturbed).promote()
    before = everything(lake, batches=True)

    killed(lake, point, 1)
    finished = point == "after_readings"
    assert snapshot(lake).batch == (2 if finished else 1)
    assert finished or everything(lake, complete=True, batches=True) == before
    assert all(line.balanced for line in audit(lake).streams), "readers in between see a whole batch"
    promoter(1, on=lake).promote()

    assert state(lake, everything) == state(undisturbed, everything)


@pytest.mark.parametrize("point", REPLACE)
def test_a_replace_killed_anywhere_ends_as_if_undisturbed(prepared, killed, promoter, everything, point: str) -> None:
    undisturbed, lake = prepared(), prepared()
    assert promoter(0.5, on=undisturbed).replace(HOURS).mode == "replace"
    before = everything(lake, batches=True)

    killed(lake, point, 0.5, HOURS)
    finished = point == "after_readings"
    assert snapshot(lake).batch == (2 if finished else 1)
    assert finished or everything(lake, complete=True, batches=True) == before
    assert audit(lake).balanced
    if point == "before_plan":
        promoter(0.5, on=lake).replace(HOURS)
    else:
        promoter(0.5, on=lake).finish()

    assert state(lake, everything) == state(undisturbed, everything)
    assert lake.rows(QUARANTINE_HISTORY)["reason"].to_pylist() == ["above_range"]


def test_whoever_finishes_a_batch_uses_the_mapping_it_was_planned_with(prepared, killed, promoter, everything) -> None:
    undisturbed, lake = prepared(), prepared()
    promoter(1, on=undisturbed).promote()

    killed(lake, "after_duplicates", 1)
    (resumed,) = promoter(0.5, on=lake).promote()

    assert (resumed.batch, resumed.digest) == (2, batches.last(undisturbed.open(BATCHES)).digest)
    assert state(lake, everything) == state(undisturbed, everything)


def test_events_that_arrive_after_the_crash_are_left_to_the_next_batch(prepared, killed, promoter, hub) -> None:
    lake = prepared()
    killed(lake, "after_plan", 1)
    hub.lake = lake
    hub.send("05:30", 7, device="e")

    resumed, fresh = promoter(1, on=lake).promote()

    assert (resumed.batch, resumed.events, fresh.batch, fresh.events) == (2, 4, 3, 1)
    assert audit(lake).balanced
