"""Silver's promises while its files are rewritten and cleaned up under it."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from assets.maintenance import maintain as module
from assets.maintenance.maintain import maintain
from assets.silver import promote
from assets.silver.batches import bronze_mark, last
from assets.silver.snapshot import snapshot
from assets.silver.unread import unread
from lake.store import Lake
from quality.contracts.tables import BATCHES, BRONZE_TELEMETRY, DUPLICATES, QUARANTINE, READINGS
from settings.clock import now

KEPT = (BRONZE_TELEMETRY, READINGS, QUARANTINE, DUPLICATES, BATCHES)
LONG = 40 * 86_400


@pytest.fixture
def tended(lake, monkeypatch):
    """Maintenance of everything, some hours after the last write."""

    def run():
        monkeypatch.setattr(module, "now", lambda: now() + timedelta(hours=3))
        return {table.name: maintain(lake, table) for table in KEPT if lake.exists(table)}

    return run


def long_ago(lake: Lake) -> None:
    """All that was done so far was done forty days ago: data files, tombstones and log entries alike."""
    for table in KEPT:
        folder = Path(lake.root) / table.path
        for file in folder.rglob("*"):
            if file.suffix == ".json" and file.name[:20].isdigit():
                actions = [json.loads(line) for line in file.read_text().splitlines()]
                for action in actions:
                    if "remove" in action:
                        action["remove"]["deletionTimestamp"] -= LONG * 1000
                    if "commitInfo" in action:
                        action["commitInfo"]["timestamp"] -= LONG * 1000
                file.write_text("\n".join(map(json.dumps, actions)) + "\n")
            if file.is_file():
                os.utime(file, (time.time() - LONG,) * 2)


def some_days(hub, promoter) -> None:
    """Several batches over two hours, with a duplicate, a conflict and a value out of range."""
    for n in range(2):
        hub.send(f"03:{n:02}", n, measured=f"02:{n:02}", device="a")
        hub.send(f"04:{n:02}", n, measured=f"02:{n:02}", device="b")
        promoter().promote()
    hub.send("04:30", 0, measured="02:00", device="a")
    hub.send("04:31", 7, measured="02:01", device="a")
    hub.send("04:32", 900, measured="02:02", device="c")
    promoter().promote()


def test_silver_is_the_same_after_maintenance_and_the_batches_after_it(
    lake, hub, promoter, tended, everything, tmp_path
):
    some_days(hub, promoter)
    before = everything(lake)
    reports = tended()
    assert reports["readings"].rewritten == ("2026-03-01-03", "2026-03-01-04")
    assert reports["telemetry"].rewritten == ("2026-03-01",)
    assert everything(lake) == before

    hub.send("05:00", 3, measured="02:00", device="a")  # loses against a rewritten row
    hub.send("05:01", 4, measured="02:30", device="a")
    (batch,) = promoter().promote()
    assert (batch.events, batch.mode) == (2, "append")
    after = everything(lake, complete=True)
    rebuilt = Lake(str(tmp_path / "rebuilt"))
    from lake.fence import append

    append(rebuilt, BRONZE_TELEMETRY, lake.rows(BRONZE_TELEMETRY).sort_by("sequence_number"))
    promoter(on=rebuilt).promote()
    assert everything(rebuilt) == after


def test_a_rewritten_bronze_file_is_read_once_more_and_then_passed_over(lake, hub, promoter, tended):
    some_days(hub, promoter)
    tended()
    bronze = lake.open(BRONZE_TELEMETRY)
    assert len(unread(lake, bronze, bronze_mark(lake.open(BATCHES))).files) == 1
    assert promoter().promote() == []
    hub.send("05:00", 3)
    promoter().promote()
    bronze = lake.open(BRONZE_TELEMETRY)
    assert unread(lake, bronze, bronze_mark(lake.open(BATCHES))).files == []


def test_a_mark_whose_version_was_cleaned_away_costs_a_read_and_no_event(lake, hub, promoter, tended, everything):
    some_days(hub, promoter)
    for n in range(8):
        hub.send(f"05:{n:02}", n, measured=f"03:{n:02}")
    mark = bronze_mark(lake.open(BATCHES))
    lake.open(BRONZE_TELEMETRY).create_checkpoint()
    long_ago(lake)
    tended()
    assert unread(lake, lake.open(BRONZE_TELEMETRY), mark).count_rows() == 15
    (batch,) = promoter().promote()
    assert batch.events == 8


def planned_and_killed(hub, promoter, monkeypatch) -> None:
    """A replacement that is planned and then its process is gone."""

    def die(point: str) -> None:
        if point == "silver.after_plan":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(promote, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            promoter(2).replace(["2026-03-01-03"])


def test_a_batch_that_waits_to_be_finished_keeps_the_versions_it_names(
    lake, hub, promoter, tended, everything, monkeypatch, tmp_path
):
    """Forty days later, through a compaction and a vacuum that would take its history away."""
    some_days(hub, promoter)
    planned_and_killed(hub, promoter, monkeypatch)
    complete = snapshot(lake)
    tended()
    long_ago(lake)
    reports = tended()
    version = last(lake.open(BATCHES)).readings_version
    assert reports["readings"].kept_versions == (version,)
    assert snapshot(lake).batch == complete.batch
    assert lake.dataset(READINGS, version).count_rows() == 4
    finished = promoter(2).finish()
    assert finished.batch == complete.batch + 1
    doubled = [row["value"] for row in everything(lake)["readings"] if row["enqueued_at"].hour == 3]
    assert sorted(doubled) == [0, 2]


def test_once_it_is_finished_its_versions_go(lake, hub, promoter, tended, monkeypatch):
    some_days(hub, promoter)
    planned_and_killed(hub, promoter, monkeypatch)
    tended()
    promoter(2).finish()
    long_ago(lake)
    reports = tended()
    assert reports["readings"].kept_versions == ()
    assert reports["readings"].deleted > 0
    assert snapshot(lake) is not None


def test_the_last_complete_batch_is_found_while_the_next_is_half_way(
    lake, hub, promoter, tended, monkeypatch, everything
):
    some_days(hub, promoter)
    before = everything(lake)

    def die(point: str) -> None:
        if point == "silver.after_quarantine":
            raise KeyboardInterrupt

    hub.send("05:00", 900, device="d")
    with monkeypatch.context() as patch:
        patch.setattr(promote, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            promoter().promote()
    tended()
    assert everything(lake, complete=True) == before
    promoter().finish()
    assert len(everything(lake)["quarantine"]) == len(before["quarantine"]) + 1
