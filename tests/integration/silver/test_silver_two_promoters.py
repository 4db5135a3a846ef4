"""Two promoters on one lake: the fence decides, nothing is lost, nothing is written twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assets.silver import promote
from assets.silver.audit import audit
from lake.store import Lake
from quality.contracts.tables import BATCHES

pytestmark = pytest.mark.timeout(240)


def numbers(lake: Lake) -> list[int]:
    return sorted(lake.rows(BATCHES, columns=["batch"])["batch"].to_pylist())


@pytest.mark.slow
def test_two_processes_promote_the_same_lake(tmp_path: Path, lake, hub, mapping, promoter, everything) -> None:
    for n in range(30):
        at, measured = f"{3 + n // 10:02}:{n % 10:02}", f"02:{n % 7:02}"
        hub.arrive(*(hub.event(at, 20 + n % 3 // 2, measured=measured, partition=p) for p in "01"))
    content, go = tmp_path / "content.json", tmp_path / "go"
    content.write_text(mapping().content, encoding="utf-8")
    script = str(Path(__file__).with_name("promote_once.py"))
    running = [
        subprocess.Popen(
            [sys.executable, script, lake.root, str(content), "10", str(go)],
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        assert all(process.stdout.readline() == "ready\n" for process in running)
        go.touch()
        assert [process.wait(timeout=180) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
            process.stdout.close()

    rebuilt = Lake(str(tmp_path / "rebuilt"))
    hub.lake, hub.numbers = rebuilt, type(hub.numbers)(int)
    for n in range(30):
        at, measured = f"{3 + n // 10:02}:{n % 10:02}", f"02:{n % 7:02}"
        hub.arrive(*(hub.event(at, 20 + n % 3 // 2, measured=measured, partition=p) for p in "01"))
    promoter(on=rebuilt).promote()
    assert everything(lake) == everything(rebuilt)
    assert numbers(lake) == list(range(1, 7))
    assert audit(lake).balanced


def test_who_loses_the_race_for_a_number_plans_again(lake, hub, promoter, mapping) -> None:
    hub.send("03:10", 20)
    overtaken: list[promote.Batch] = []

    def other(_said: str, _events: int) -> None:
        if not overtaken:
            overtaken.extend(promoter().promote())
            hub.send("03:20", 20)

    (mine,) = promote.Promoter(lake, mapping(), promoter().settings, progress=other).promote()

    assert [batch.batch for batch in overtaken] == [1]
    assert (mine.batch, mine.events, mine.duplicates) == (2, 1, 1)
    assert audit(lake).balanced


@pytest.mark.parametrize("point", ["silver.after_plan", "silver.after_quarantine", "silver.after_duplicates"])
def test_a_promoter_that_wakes_up_late_writes_nothing_twice(
    lake, hub, promoter, everything, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    hub.arrive(hub.event("03:10", 20), hub.event("03:20", 20), hub.event("03:30", 30), hub.event("03:40", body=b"{"))
    others: list[promote.Batch] = []

    def while_it_sleeps(reached: str) -> None:
        if reached == point and not others:
            monkeypatch.undo()
            others.extend(promoter().promote())
            hub.send("03:50", 20)
            others.extend(promoter().promote())

    monkeypatch.setattr(promote, "reach", while_it_sleeps)
    started = time.monotonic()
    promoter().promote()

    assert [batch.batch for batch in others] == [1, 2]
    assert {table: len(rows) for table, rows in everything(lake).items()} == {
        "readings": 1, "duplicates": 2, "quarantine": 2,
    }  # fmt: skip
    assert numbers(lake) == [1, 2]
    assert audit(lake).balanced
    assert time.monotonic() - started < 120
