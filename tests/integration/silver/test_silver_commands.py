"""`lakehouse quarantine` and `lakehouse shadow` over a real lake: what they print, and what they leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assets.silver.audit import audit
from assets.silver.in_force import in_force
from assets.silver.promote import Promoter
from assets.silver.shadow import FOLDER
from lake.store import Lake
from orchestration.cli.main import app
from quality.contracts.tables import QUARANTINE, QUARANTINE_HISTORY, READINGS, SPECS_IN_FORCE
from settings.model import Silver

SPEC = """\
id: thermo
version: {version}
description: One reading.
match: {{content_type: [application/json]}}
decode: {{format: json}}
device: {{path: d, source: x}}
time: {{path: t}}
readings:
  - {{metric: air_temperature, path: v, unit: degC, scale: {scale}}}
"""


@pytest.fixture
def specs(tmp_path: Path) -> Callable[..., Path]:
    def write(scale: float, *, version: int = 1, name: str = "specs") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "thermo.yaml").write_text(SPEC.format(scale=scale, version=version), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def lakehouse(lake, specs, monkeypatch, capsys) -> Callable[..., Any]:
    """`lakehouse …` in this process: JSON as data, else what a person reads on both streams."""
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it, and so narrow that cells are folded
    monkeypatch.setenv("LAKE_ROOT", lake.root)
    monkeypatch.setenv("LAKE_HOME", str(Path(lake.root).parent / "home"))
    monkeypatch.setenv("LAKE_SPECS", str(specs(1)))

    def call(*arguments: str) -> Any:
        capsys.readouterr()
        app(list(arguments), standalone_mode=False)
        said = capsys.readouterr()
        return json.loads(said.out) if "--json" in arguments else said.out + said.err

    return call


@pytest.fixture
def filled(lake, hub, lakehouse, specs) -> Lake:
    """Two hours; 160 is out of range at scale 1, and one body is no JSON."""
    hub.arrive(
        hub.event("03:10", 160), hub.event("03:20", 40, measured="02:01"), hub.event("04:10", 160, measured="02:02"),
        hub.event("04:20", body=b"\xff\x00{"),
    )  # fmt: skip
    Promoter(lake, in_force(lake, specs(1)), Silver()).promote()
    return lake


def test_a_person_finds_the_fault_replays_and_dismisses_the_rest(filled, lakehouse, specs) -> None:
    (ranged, unreadable) = lakehouse("quarantine", "summary", "--json")
    assert (ranged["reason"], ranged["rows"], ranged["open"], ranged["mapping_version"]) == ("above_range", 2, 2, 1)
    assert "above_range" in lakehouse("quarantine", "summary", "--mapping", "thermo")

    shown = lakehouse("quarantine", "show", "hub/0/0/0")
    assert "decided by thermo.yaml line 9: - {metric: air_temperature, path: v, unit: degC, scale: 1}" in shown
    assert '"v": 160' in shown
    assert "thermo.yaml line 5: decode" in (hexed := lakehouse("quarantine", "show", "hub/0/0/3"))
    assert "(hex) ff007b" in hexed

    assert "nothing would change: correct the spec first" in lakehouse(
        "quarantine", "replay", "--reason", "above_range"
    )
    specs(0.5, version=2)
    planned = lakehouse("quarantine", "replay", "--reason", "above_range", "--dry-run", "--json")
    assert (planned["plan"]["rows"], planned["plan"]["hours"], planned["result"]) == (
        2, ["2026-03-01-03", "2026-03-01-04"], None,
    )  # fmt: skip
    assert filled.rows(SPECS_IN_FORCE).num_rows == 1, "who only asks deploys nothing"
    told = lakehouse("quarantine", "replay", "--reason", "above_range")
    assert "2 open rows match. 2 hours (2026-03-01-03 to 2026-03-01-04)" in told
    assert "taken back, now accepted     2" in told
    assert "taken back by Silver batch 2 and became accepted" in lakehouse("quarantine", "show", "hub/0/0/0")
    assert sorted(filled.rows(READINGS)["value"].to_pylist()) == [20.0, 80.0, 80.0]

    done = lakehouse("quarantine", "dismiss", "--event", "hub/0/0/3", "--why", "test", "--who", "ada", "--json")
    assert (done["rows"], done["status"]) == (1, "dismissed")
    (row,) = lakehouse("quarantine", "list", "--status", "dismissed", "--json")
    assert (row["event"], row["who"], row["why"]) == ("hub/0/0/3", "ada", "test")
    assert lakehouse("quarantine", "list", "--status", "open", "--json") == []
    assert len(lakehouse("quarantine", "list", "--status", "replayed", "--json")) == 2
    assert "1 rows are open again" in lakehouse(
        "quarantine", "dismiss", "--reason", unreadable["reason"], "--why", "no", "--withdraw"
    )
    assert (audit(filled).balanced, filled.rows(QUARANTINE).num_rows) == (True, 1)


def test_all_hours_of_a_mapping_are_mended_by_one_command(filled, lakehouse, specs) -> None:
    specs(0.25)

    said = lakehouse("quarantine", "replay", "--mapping", "thermo", "--all-hours", "--json")

    assert said["result"]["hours"] == ["2026-03-01-03", "2026-03-01-04"]
    assert sorted(filled.rows(READINGS)["value"].to_pylist()) == [10.0, 40.0, 40.0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("quarantine", "dismiss", "--why", "all of it"), "say which rows"),
        (("quarantine", "list", "--status", "lost"), "no status 'lost'"),
        (("quarantine", "replay", "--since", "yesterday"), "'yesterday' is no time"),
        (("shadow", "compare"), "there is no shadow"),
        (("shadow", "undo"), "nothing to undo"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_say(
    filled, lakehouse, arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises((ValueError, RuntimeError), match=says):
        lakehouse(*arguments)


def test_a_shadow_is_built_compared_swapped_undone_and_dropped_by_one_command_each(filled, lakehouse, specs) -> None:
    new = str(specs(0.5, version=2, name="new"))

    built = lakehouse(
        "shadow", "build", "--specs", new, "--from", "2026-03-01T03:00", "--to", "2026-03-01T05:00", "--json"
    )
    assert (built["hours"], built["missing_hours"], built["specs"]) == (2, 0, new)
    found = lakehouse("shadow", "compare", "--json")
    assert {(line["table"], line["added"], line["removed"], line["changed"]) for line in found["sums"]} == {
        ("silver/readings", 2, 0, 1), ("silver/quarantine", 0, 2, 0), ("silver/quarantine", 0, 0, 0),
    }  # fmt: skip
    assert "hub/0/0/1  changed" in lakehouse("shadow", "compare")
    assert filled.rows(READINGS).num_rows == 1, "the live rows are untouched"

    assert "the live rows are what they should be" in lakehouse("shadow", "swap", "--why", "tried")
    assert sorted(filled.rows(READINGS)["value"].to_pylist()) == [20.0, 80.0, 80.0]
    shown = lakehouse("shadow", "show", "--json")
    assert [(act["how"], act["why"]) for act in shown["acts"]] == [("deployed", None), ("swapped", "tried")]

    assert lakehouse("shadow", "undo", "--json")["equal"]
    assert filled.rows(READINGS)["value"].to_pylist() == [40.0]
    assert "The shadow is gone." in lakehouse("shadow", "drop")
    assert not (Path(filled.root) / FOLDER).exists()
    assert audit(filled).balanced


def test_specs_laid_over_those_in_force_leave_the_others_as_they_are(filled, lakehouse, specs, tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    text = SPEC.format(scale=1, version=1).replace("id: thermo", "id: other").replace("application/json", "text/other")
    (other / "other.yaml").write_text(text, encoding="utf-8")

    lakehouse("shadow", "build", "--specs", str(other), "--over", "--from", "2026-03-01")

    assert not lakehouse("shadow", "compare", "--json")["differs"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "command"),
    [("silver.replay.after_group", ("quarantine", "replay")), ("silver.swap.in_force", ("shadow", "swap"))],
)
def test_a_command_killed_by_the_system_ends_its_work_when_it_is_given_again(
    filled, lakehouse, specs, tmp_path, point: str, command: tuple[str, ...]
) -> None:
    if command[0] == "shadow":
        lakehouse("shadow", "build", "--specs", str(specs(0.5, name="new")), "--from", "2026-03-01")
    else:
        specs(0.5)
    environment = {**os.environ, "LAKE_KILL_AT": point, "LAKE_SILVER__BATCH_EVENTS": "2", "PYTHONPATH": str(Path.cwd())}
    killed = subprocess.run(
        [sys.executable, "-m", "orchestration.cli.main", *command],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, f"{point} was not reached: {killed.stderr[-2000:]}"
    assert audit(filled).balanced

    lakehouse(*command)

    assert sorted(filled.rows(READINGS)["value"].to_pylist()) == [20.0, 80.0, 80.0]
    assert sorted(filled.rows(QUARANTINE_HISTORY)["became"].to_pylist()) == ["accepted", "accepted"]
    assert audit(filled).balanced
