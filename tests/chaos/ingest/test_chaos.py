"""A short seed of `make chaos`, and the proof that it would find what it looks for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
CHECKOUT = RUN.parents[3]


def chaos(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAKE_")}
    return subprocess.run(
        [sys.executable, str(RUN), "--keep", str(folder), *options],
        env=environment | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_short_seed_loses_and_doubles_nothing(tmp_path):
    done = chaos(tmp_path, "--seed", "7", "--faults", "22", "--pause", "0.5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "lost 0 duplicated 0"
    assert "22 faults of 22 kinds" in done.stdout


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_the_fence_the_run_finds_doubles_and_fails(tmp_path):
    """Else the run would prove nothing: a commit whose answer was lost is simply written again."""
    kinds = "two owners at once,answer of a commit lost"
    # Whether a zombie meets events to double is a matter of moments: what one seed misses another finds.
    for seed in ("7", "8", "9"):
        done = chaos(
            tmp_path / seed,
            *("--seed", seed, "--faults", "8", "--pause", "0.8", "--kinds", kinds, "--without-fence", "--settle", "5"),
        )
        if done.returncode == 1:
            break
    assert done.returncode == 1, done.stdout + done.stderr
    found = re.match(r"lost \d+ duplicated (\d+)", done.stdout.splitlines()[-1])
    assert found, done.stdout
    assert int(found[1]) > 0
