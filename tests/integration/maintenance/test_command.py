from __future__ import annotations

import json
from datetime import timedelta

from typer.testing import CliRunner

from assets.maintenance import maintain
from lake.store import Lake
from orchestration.cli.main import app
from settings.clock import now
from settings.load import load

LAST_WEEK = (now() - timedelta(days=7)).date().isoformat()


def run(lake: Lake, monkeypatch, *arguments: str):
    monkeypatch.setenv("LAKE_HOME", lake.root.removesuffix("/lake"))
    assert load().lake_root == lake.root
    monkeypatch.setattr(maintain, "now", lambda: now() + timedelta(hours=3))
    return CliRunner().invoke(app, ["maintain", *arguments])


def test_the_command_does_what_the_night_does_and_says_it_as_json(lake, fill, monkeypatch):
    fill(LAST_WEEK)
    done = run(lake, monkeypatch, "--table", "bronze/telemetry", "--json")
    assert done.exit_code == 0
    (report,) = json.loads(done.stdout)
    assert (report["table"], report["rewritten"], report["files_after"]) == ("bronze/telemetry", [LAST_WEEK], 1)


def test_a_table_that_is_not_in_the_registry_is_refused(lake, monkeypatch):
    done = run(lake, monkeypatch, "--table", "bronze/telemetri")
    assert done.exit_code == 1
    assert "no table 'bronze/telemetri'" in str(done.exception)


def test_an_empty_lake_is_no_error(lake, monkeypatch):
    done = run(lake, monkeypatch, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])
