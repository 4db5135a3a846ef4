"""`lakehouse demo`: one command, every event accounted for, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

KEYS = {
    "events_sent": int,
    "bronze_rows": int,
    "events": {"accepted", "partial", "quarantined", "duplicate"},
    "readings": {"accepted", "quarantined", "duplicate"},
    "quarantine_reasons": dict,
    "gold": {"readings_1m", "readings_5m", "readings_1h", "readings_1d"},
    "warm": dict,
    "ledger_balanced": bool,
    "manifest_matched": bool,
    "seconds": {"send", "ingest", "silver", "gold", "warm", "total"},
    "lake": str,
}
MARTS = {
    *("dim_device", "dim_metric", "dim_date", "dim_site", "fct_readings_hourly", "fct_readings_daily"),
    *("fct_data_quality_daily", "fct_device_health_daily"),
}
SPECS = Path(__file__).parents[2] / "canonical" / "specs"
DBT = Path(__file__).parents[2] / "dbt_warm"


def test_json_is_one_object_on_stdout_with_the_promised_keys(demo) -> None:
    found = json.loads(demo.said.out)

    assert demo.said.code == 0, demo.said.err
    assert found.keys() == KEYS.keys()
    for key, expected in KEYS.items():
        if isinstance(expected, set):
            assert found[key].keys() == expected
        else:
            assert isinstance(found[key], expected), key
    assert found["warm"].keys() >= MARTS
    counts = [found[part] for part in ("events", "readings", "quarantine_reasons", "gold", "warm")]
    assert {type(count) for part in counts for count in part.values()} == {int}
    assert Path(found["lake"], "bronze", "telemetry", "_delta_log").is_dir()


def test_every_event_is_accounted_for_and_as_the_manifest_promised(demo, terminal) -> None:
    found = demo.said.json()

    assert found["events_sent"] == found["bronze_rows"] == terminal.events
    assert found["ledger_balanced"] is True
    assert found["manifest_matched"] is True
    events = found["events"]
    assert events["accepted"] + events["quarantined"] + events["duplicate"] == terminal.events
    assert sum(found["quarantine_reasons"].values()) == found["readings"]["quarantined"]
    assert len(found["quarantine_reasons"]) >= 5, "a demo without faults shows nothing"
    # The demo lands no registers: marts that are made of them have no rows, or those of what no register knows.
    warm = {name: rows for name, rows in found["warm"].items() if name in MARTS}
    assert all(rows > 0 for rows in (*found["gold"].values(), *warm.values()))
    assert found["warm"]["fct_readings_hourly"] == found["gold"]["readings_1h"]
    assert found["warm"]["fct_readings_daily"] == found["gold"]["readings_1d"]


def test_seconds_add_up(demo) -> None:
    seconds = demo.said.json()["seconds"]
    stages = sum(seconds[stage] for stage in ("send", "ingest", "silver", "gold", "warm"))

    assert all(value > 0 for value in seconds.values())
    assert stages <= seconds["total"]


@pytest.mark.parametrize(
    "noise", ["INFO", "DEBUG", "BetaWarning", "Warning:", '"level"', "Traceback", "Running with dbt"]
)
def test_libraries_are_not_heard(demo, noise) -> None:
    assert noise not in demo.said.err


def test_progress_is_told_on_stderr(demo, terminal) -> None:
    for said in ("sent to Event Hubs: 1,500 done", "committed to Bronze: 1,500 done", "Dagster runs warm_lane"):
        assert said in demo.said.err


def test_nothing_is_left_running_and_nothing_outside_the_folder(demo) -> None:
    assert demo.left_running == []
    assert demo.left_outside == []
    assert {found.name for found in DBT.iterdir()} <= {
        *("models", "macros", "seeds", "snapshots", "tests", "target"),
        *("dbt_project.yml", "profiles.yml", "selectors.yml", ".sqlfluff", "sqlserver.sqlfluff", "README.md"),
    }


@pytest.mark.deep
def test_what_nothing_can_read_is_told_as_a_broken_promise_and_ends_with_code_1(tmp_path, terminal) -> None:
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "room_climate.yaml").write_text((SPECS / "room_climate.yaml").read_text())

    ran = terminal.demo(tmp_path / "run", "--events", "300", LAKE_SPECS=str(specs))

    assert ran.said.code == 1
    assert "differs: quarantine unknown_content_type: manifest says 0, found 300" in ran.said.out
    assert "The ledger balances" in ran.said.out
    for part in (
        "From the hub to the warm tables",
        "Ledger in events",
        "Readings",
        "Quarantine",
        "fct_readings_hourly",
    ):
        assert part in ran.said.out
    assert "\x1b" not in ran.said.out
    assert ran.left_running == []


def test_a_source_without_rows_is_refused_and_nothing_is_left_running(tmp_path, terminal) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("\n\n")

    ran = terminal.demo(tmp_path / "run", "--source", str(rows), "--mapping", "room_climate", "--json")

    assert (ran.said.code, ran.said.out) == (1, "")
    assert f"--source {rows} holds no rows" in ran.said.err
    assert ran.left_running == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_demo_that_is_killed_or_interrupted_takes_its_processes_along(tmp_path, terminal, how) -> None:
    home, said = tmp_path / "home", tmp_path / "said"
    with said.open("w") as stderr:
        demo = subprocess.Popen(
            [str(terminal.program), "demo", "--events", "20000", "--dir", str(home)],
            env=terminal.environment(tmp_path),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            process_group=0,
        )
    try:
        # The worker is there: all that a demo starts beside itself runs now.
        assert terminal.within(90, lambda: len(_workers(terminal, home)) == 1)
        assert len(terminal.processes_of(home)) >= 4
    finally:
        os.killpg(demo.pid, how)  # as a terminal does: everyone in the foreground hears it

    # Killed, it is a zombie until we wait for it; what it started must not take it for alive.
    assert terminal.within(30, lambda: not [p for p in terminal.processes_of(home) if p.pid != demo.pid])
    assert demo.wait(timeout=30) == (130 if how == signal.SIGINT else -how)
    assert "Traceback" not in said.read_text()
    assert (f"what was made so far is in {home}" in said.read_text()) == (how == signal.SIGINT)


def _workers(terminal, home: Path) -> list[object]:
    found = []
    for process in terminal.processes_of(home):
        with suppress(psutil.NoSuchProcess):  # a child of a moment may end while we look
            if "ingest" in process.cmdline():
                found.append(process)
    return found


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--dir", "{full}"), "is not empty; a demo starts from nothing"),
        (("--dir", "{full}/file"), "is a file; name a folder"),
        (("--source", "{rows}", "--mapping", "nonsense"), "no mapping 'nonsense'; there are availability_zigbee2mqtt"),
        (("--source", "{rows}"), "needs --mapping; there are availability_zigbee2mqtt"),
        (("--source", "{full}/nowhere", "--mapping", "room_climate"), "does not exist; name a file, a folder"),
        (("--source", "{full}", "--mapping", "room_climate"), "holds no file of rows"),
        (("--mapping", "room_climate"), "leave --mapping out"),
        (("--source", "{rows}", "--mapping", "room_climate", "--events", "5"), "leave --events out"),
    ],
)
def test_what_cannot_be_demonstrated_is_refused_before_anything_starts(tmp_path, terminal, arguments, says) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").touch()
    rows = tmp_path / "rows.csv"
    rows.write_text("1, 2, 3\n")

    said = terminal.call(tmp_path / "home", "demo", *(part.format(full=full, rows=rows) for part in arguments))

    assert said.code == 1
    assert said.err.startswith("error: ")
    assert says in said.err.replace("\n", " ")
    assert said.out == ""
    assert list((tmp_path / "home").iterdir()) == []
