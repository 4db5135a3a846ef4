from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from quality.contracts.tables import BRONZE_TELEMETRY


def files(bronze) -> int:
    return len(list(Path(bronze.lake.uri(BRONZE_TELEMETRY)).rglob("*.parquet")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "held_before"),
    [
        ("bronze.before_commit", 0),
        ("bronze.between_data_file_and_commit", 0),
        ("bronze.between_data_file_and_commit", 1000),
        ("bronze.after_commit", 0),
    ],
)
def test_a_killed_worker_loses_and_repeats_nothing(endpoint, make_bronze, point, held_before):
    """Killed in a commit on an empty or a filled table, then run again: Bronze is the hub."""
    bronze = make_bronze(flush_rows=400, flush_seconds=0.1)
    endpoint.fill({"0": 700, "1": 300})
    if held_before:
        bronze.run(until_head=True)
        endpoint.fill({"0": 100}, first=700)
        endpoint.fill({"1": 200}, first=300)
    killed = bronze.start("until_head=True", LAKE_KILL_AT=point)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    committed = len(bronze.held())
    assert committed > held_before if point == "bronze.after_commit" else committed == held_before
    bronze.run(until_head=True)
    counts = {"0": 800, "1": 500} if held_before else {"0": 700, "1": 300}
    assert bronze.held() == [(name, n, f"{name}/{n}".encode()) for name, count in counts.items() for n in range(count)]


def test_between_data_file_and_commit_the_file_is_there_and_no_row_is(endpoint, make_bronze):
    bronze = make_bronze(flush_seconds=0.1)
    endpoint.fill({"0": 100})
    bronze.start("until_head=True", LAKE_KILL_AT="bronze.between_data_file_and_commit").communicate(timeout=60)
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
