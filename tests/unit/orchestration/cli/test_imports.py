"""`--help` of every command is there at once, and without the extras that the command itself would need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("dagster", "dagster_dbt", "dbt", "azure", "polars", "duckdb", "pyarrow", "deltalake", "psutil", "uvicorn")

SCRIPT = """
import sys, typer
for name in {heavy!r}:
    sys.modules[name] = None  # whoever imports it fails as where it is not installed
from orchestration.cli.main import app

def paths(command, path=()):
    yield path
    for name, child in getattr(command, "commands", {{}}).items():
        yield from paths(child, (*path, name))

for path in list(paths(typer.main.get_command(app))):
    try:
        app([*path, "--help"])
    except SystemExit as end:
        assert end.code == 0, path
    sys.stderr.write(" ".join(path) + "\\n")
"""


def test_help_of_every_command_needs_no_extra() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(heavy=HEAVY)], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    asked = done.stderr.split("\n")
    for command in ("demo", "up", "ingest bronze", "quarantine list", "mapping test", "ledger", "trace", "materialize"):
        assert command in asked


def test_a_command_without_its_extra_names_the_extra() -> None:
    script = "import sys; sys.modules['dagster'] = None; from orchestration.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "materialize"], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "install the extra with" in done.stderr
    assert "[orchestrator]" in done.stderr
    assert "Traceback" not in done.stderr
