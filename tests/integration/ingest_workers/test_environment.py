from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
PROOF = """
import importlib.util, sys
import ingest_workers.bronze
assert importlib.util.find_spec("dagster") is None, "dagster is installed"
for name in ("polars", "great_expectations", "local_azure.event_hubs.server"):
    assert name not in sys.modules, name
print("bronze worker without dagster")
"""


@pytest.mark.slow
def test_the_worker_extra_alone_runs_the_worker_without_dagster(tmp_path):
    """A fresh environment with `.[worker]` and nothing else, from uv's cache."""
    beside = Path(sys.executable).with_name("uv")
    assert beside.exists(), "uv is not beside this Python: `make setup` puts it there"
    home = tmp_path / "venv"
    python = home / "bin" / "python"

    def uv(*arguments: str) -> None:
        done = subprocess.run(
            [str(beside), *arguments], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, done.stderr

    uv("venv", "--python", sys.executable, str(home))
    uv("pip", "install", "--python", str(python), f"{CHECKOUT}[worker]")
    done = subprocess.run(
        [str(python), "-c", PROOF], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "bronze worker without dagster"
    shown = subprocess.run(
        [str(home / "bin" / "lakehouse"), "ingest", "bronze", "--help"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.returncode == 0, shown.stderr
    assert "--until-head" in shown.stdout
