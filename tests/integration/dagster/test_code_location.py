"""The code location as Dagster's own tools load it: valid, and light."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKSPACE = Path(__file__).parents[3] / "workspace.yaml"
HEAVY = ("great_expectations", "azure", "dbt", "pandas", "polars", "local_azure", "dagster_webserver")
"""What nobody needs to know the assets; every process of Dagster would wait for it."""

LOADED = f"""
import sys
from orchestration.definitions import defs
from orchestration.build import build_defs
from settings.load import load
build_defs(load()).get_repository_def()
print(*sorted(set({HEAVY!r}) & sys.modules.keys()))
"""


def _run(tmp_path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, in an empty folder and with no settings but its home."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LAKE_", "DAGSTER_"))}
    home = {"LAKE_HOME": str(tmp_path / "home"), "DAGSTER_DISABLE_TELEMETRY": "1"}
    return subprocess.run(
        command, env=inherited | home, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False
    )


def test_loading_the_code_location_imports_nothing_heavy(tmp_path) -> None:
    done = _run(tmp_path, sys.executable, "-c", LOADED)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.slow
def test_dagster_validates_the_workspace(tmp_path) -> None:
    dagster = Path(sys.executable).with_name("dagster")

    done = _run(tmp_path, str(dagster), "definitions", "validate", "-w", str(WORKSPACE))

    assert done.returncode == 0, done.stderr
    assert "Validation successful for code location telemetry_lakehouse" in done.stderr + done.stdout
    assert not (tmp_path / "home" / "lake").exists(), "looking at the assets is not using them"
    assert "All code locations passed validation" in done.stderr + done.stdout
