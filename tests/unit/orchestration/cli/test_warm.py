"""`lakehouse warm …`: the script of roles and filters, and where there is nothing to apply it to."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from assets.warm import access
from orchestration.cli.main import app


@pytest.fixture(autouse=True)
def _facts(monkeypatch):
    monkeypatch.setattr(access, "facts", lambda: ("fct_readings_hourly",))


def test_the_script_is_printed_as_batches_and_nothing_is_changed():
    shown = CliRunner().invoke(app, ["warm", "grant", "--print"])
    assert shown.exit_code == 0
    assert shown.stdout.split(";\ngo\n") == [
        *access.script(access.facts())[:-1],
        access.script(access.facts())[-1] + "\n",
    ]


def test_a_file_has_no_logins(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKE_HOME", str(tmp_path))
    refused = CliRunner().invoke(app, ["warm", "grant"])
    assert isinstance(refused.exception, ValueError)
    assert "LAKE_WARM__ENGINE=sqlserver" in str(refused.exception)
