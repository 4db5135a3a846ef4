from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from quality.contracts.tables import BRONZE_TELEMETRY

POINTS = ("bronze.before_commit", "bronze.between_data_file_and_commit", "bronze.after_commit")


def files(bronze) -> int:
    return len(list(Path(bronze.lake.uri(BRONZE_TELEMETRY)).rglob("*.parquet")))


@pytest.mark.parametrize("commit", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_loses_and_repeats_nothing(endpoint, make_bronze, point, commit):
    """Killed in its first or second commit, then run again: Bronze is the hub."""
    bronze = make_bronze(flush_rows=400, flush_seconds=0.1)
    endpoint.fill({"0": 700, "1": 300})
    if commit == 2:
        bronze.start("until_head=True").communicate(timeout=60)
        endpoint.fill({"0": 100, "1": 100}, first=700)
        endpoint.fill({"1": 100}, first=300)
    killed = bronze.start("until_head=True", LAKE_KILL_AT=point)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    committed_before = len(bronze.held())
    bronze.run(until_head=True)
    held = bronze.held()
    assert [(name, number) for name, number, _ in held] == _gapless(held)
    assert len(held) == (1000 if commit == 1 else 1300)
    if point == "bronze.after_commit":
        assert committed_before > (0 if commit == 1 else 1000)
    else:
        assert committed_before == (0 if commit == 1 else 1000)


def _gapless(held) -> list[tuple[str, int]]:
    counts = {name: sum(1 for other, _, _ in held if other == name) for name in ("0", "1")}
    return [(name, number) for name, count in counts.items() for number in range(count)]


def test_between_data_file_and_commit_the_file_is_there_and_no_row_is(endpoint, make_bronze):
    bronze = make_bronze(flush_seconds=0.1)
    endpoint.fill({"0": 100})
    bronze.start("until_head=True", LAKE_KILL_AT=POINTS[1]).communicate(timeout=60)
    assert files(bronze) == 1
    assert bronze.held() == []


def test_sigterm_commits_what_was_taken_over_and_exits_clean(endpoint, make_bronze):
    bronze = make_bronze(flush_seconds=60, flush_rows=10**6)
    endpoint.fill({"0": 300, "1": 200})
    process = bronze.start("on_progress=lambda p: print(p.received, flush=True)", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    deadline = time.monotonic() + 30
    while process.stdout.readline().strip() != "500" and time.monotonic() < deadline:
        pass
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert time.monotonic() - begun < 5
    assert len(bronze.held()) == 500


def test_logs_are_json_lines_on_stderr_and_stdout_is_left_alone(endpoint, bronze):
    endpoint.fill({"0": 5})
    process = bronze.start("until_head=True")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.startswith("Summary(")
    assert len(out.splitlines()) == 1
    assert all(line.startswith("{") for line in err.splitlines())
    assert '"event": "committed"' in err
