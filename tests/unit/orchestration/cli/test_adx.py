"""`lakehouse adx …`: what is said, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.gold.adx import plan as planning
from assets.gold.adx.plan import Difference, Plan, RefusedError
from orchestration.cli import adx
from settings.model import Kusto as Site

MISSING = Difference("table", "Readings", "missing", "19 columns", (".create-merge table Readings (a: long)",))
STRANGE = Difference("table", "Mine", "unknown", "left as it is")
REFUSED = Difference("column", "Readings.value", "refused", "is string there, and real in the contract")


class Cluster:
    uri, database = "http://127.0.0.1:9", "telemetry"

    def __init__(self) -> None:
        self.commands: list[str] = []

    def command(self, text: str, *, repeatable: bool = False) -> list[dict[str, Any]]:
        self.commands.append(text)
        return []


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster()

    @contextmanager
    def connected() -> Iterator[tuple[Cluster, Site]]:
        yield found, Site()

    monkeypatch.setattr(adx, "_cluster", connected)
    return found


def run(monkeypatch: pytest.MonkeyPatch, command: list[str], *plans: tuple[Difference, ...]) -> Any:
    waiting = list(plans)
    monkeypatch.setattr(planning, "plan", lambda *_: Plan(waiting.pop(0) if len(waiting) > 1 else waiting[0]))
    return CliRunner().invoke(adx.app, command)


@pytest.mark.parametrize(
    ("differences", "code", "says"),
    [
        ((), 0, "is as the code says"),
        ((STRANGE,), 0, "1 unknown things are left"),
        ((MISSING, STRANGE), 2, "1 differences, 1 unknown"),
        ((REFUSED,), 2, "cannot be deployed without losing"),
    ],
)
def test_the_exit_code_says_whether_there_is_something_to_do(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, differences: tuple[Difference, ...], code: int, says: str
) -> None:
    done = run(monkeypatch, ["plan"], differences)
    assert done.exit_code == code
    assert says in done.output
    assert all(one.name in done.output for one in differences)
    assert cluster.commands == []


def test_a_plan_as_json_has_the_commands(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, ["plan", "--json"], (MISSING,))
    assert json.loads(done.stdout) == [
        {"kind": "table", "name": "Readings", "state": "missing", "says": "19 columns",
         "commands": [".create-merge table Readings (a: long)"]}
    ]  # fmt: skip


def test_a_deployment_sends_the_plan_and_looks_again(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, ["deploy"], (MISSING, STRANGE), (STRANGE,))
    assert done.exit_code == 0, done.output
    assert len(cluster.commands) == 1
    assert cluster.commands[0].endswith(MISSING.commands[0])


def test_a_deployment_that_did_not_help_is_a_failure(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, ["deploy"], (MISSING,), (MISSING,))
    assert "still differs: table Readings" in str(done.exception)


def test_a_refused_plan_sends_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, ["deploy"], (MISSING, REFUSED))
    assert isinstance(done.exception, RefusedError)
    assert cluster.commands == []


def test_what_is_wrong_offline_is_printed_and_fails(tmp_path: Path) -> None:
    (tmp_path / "odd.kql").write_text(".drop table Readings\n", encoding="utf-8")
    done = CliRunner().invoke(adx.app, ["check", "--kql", str(tmp_path)])
    assert done.exit_code == 1
    assert "odd.kql:1 is not read" in done.output
