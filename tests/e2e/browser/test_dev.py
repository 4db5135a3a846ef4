"""`lakehouse dev --local` as a newcomer meets it: one terminal, one browser, telemetry sent from beside it.

One test, because starting and stopping everything is most of its time: the daemon's sensors carry telemetry through
every tier by themselves, the UI shows them, a click recomputes an hour, and Ctrl-C leaves nothing behind. The hour is
the one with the events, not the UI's "latest": that one is empty when the clock strikes meanwhile.
"""

from __future__ import annotations

import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from assets.silver import batches
from assets.silver.snapshot import snapshot
from assets.warm.publish import warm_counts
from lake.store import Lake
from quality.checks import LEDGER
from quality.contracts.model import Table
from quality.contracts.tables import AGGREGATES, BATCHES, READINGS
from settings.load import load
from settings.model import Settings
from simulator.plan import SimulationOptions
from simulator.simulate import simulate

EVENTS = 300
PATIENCE_SECONDS = 150
PAGE_MS = 60_000
FAMILY = 7
"""Dagster with its UI, daemon and code server, the worker, and the supervisor with two endpoints."""


@dataclass
class Dev:
    home: Path
    port: int
    process: subprocess.Popen[str]
    said: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def until(self, what: str, holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, f"dev ended while waiting for {what}:\n{self.told()}"
            assert time.monotonic() < deadline, f"no {what} after {seconds} s:\n{self.told()}"
            time.sleep(0.5)

    def told(self) -> str:
        log = self.home / "logs" / "dagster.log"
        return self.said.read_text() + (log.read_text()[-6000:] if log.exists() else "")

    def stop(self) -> tuple[int, list[psutil.Process]]:
        """Ctrl-C; the exit code, and which of all processes it had are still there."""
        family = self.family()
        assert len(family) >= FAMILY, f"where is everybody? {family}"
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=60)
        return code, [process for process in family if process.is_running()]


def free_port() -> int:
    """Below the ports that the system deals out: Dagster takes it many seconds after we looked."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def dev(terminal: Any, folder: Path) -> Iterator[Dev]:
    port = free_port()
    home, said = folder / "home", folder / "dev.log"
    with said.open("w") as out:
        process = subprocess.Popen(
            [str(terminal.program), "dev", "--local", "--port", str(port)],
            env=terminal.environment(home, COLUMNS="200"),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
    running = Dev(home, port, process, said)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()


def promoted(settings: Settings) -> bool:
    """Whether the sensors have brought every event to the warm marts."""
    lake = Lake.of(settings)
    state = snapshot(lake)
    if state is None or not all(lake.exists(table) for table in AGGREGATES.values()):
        return False
    if not settings.warm_database.exists():
        return False
    hourly = lake.rows(AGGREGATES["1h"], columns=["reading_count"])["reading_count"].to_pylist()
    accepted = lake.open(READINGS, state.readings).count()
    return sum(hourly) == accepted and warm_counts(settings).get("fct_readings_hourly") == len(hourly)


def accepted(lake: Lake) -> list[dict[str, Any]]:
    """Every reading, in all columns but the batch that wrote it."""
    rows = lake.rows(READINGS).drop_columns("silver_batch")
    return rows.sort_by([(name, "ascending") for name in (*READINGS.key, "sequence_number")]).to_pylist()


def sees_four_groups(page: Page, url: str, shots: Path) -> None:
    page.goto(f"{url}/asset-groups")
    groups = page.locator("foreignObject")
    for name in ("bronze", "silver", "gold", "warm"):
        groups.filter(has_text=name).first.wait_for()
    expect(groups.filter(has_text="fetching statuses")).to_have_count(0, timeout=PAGE_MS)
    page.screenshot(path=shots / "asset-graph.png")


def sees_a_table_described(page: Page, url: str, shots: Path, table: Table) -> None:
    page.goto(f"{url}/assets/{table.path}")
    column = next(column.says for column in table.columns if "`" not in column.says)
    for words in (table.says, column, table.owner.removeprefix("team:"), f"{table.layer}.{table.name}"):
        page.get_by_text(words).first.wait_for()
    page.screenshot(path=shots / f"{table.layer}-{table.name}.png")


def sees_a_check_passed(page: Page, url: str, shots: Path) -> None:
    page.goto(f"{url}/assets/silver/readings?view=checks&checkDetail={LEDGER}")
    page.get_by_text("This is a blocking asset check").wait_for()
    page.get_by_text("Passed", exact=True).wait_for()
    page.get_by_text("unaccounted").first.wait_for()
    page.screenshot(path=shots / "ledger-check.png")


def materialises(page: Page, url: str, shots: Path, hour: str) -> None:
    page.goto(f"{url}/assets/silver/readings?view=partitions")
    page.locator("button", has_text="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("button", has_text="Confirm").click()  # quarantine and duplicates come with it
    dialog.locator("button", has_text="Latest").click()
    chosen = dialog.get_by_placeholder("Select a partition").or_(dialog.locator("input[type=text]")).first
    chosen.fill(hour)
    chosen.blur()
    page.screenshot(path=shots / "launch.png")
    dialog.locator("button", has_text="Launch 1 run").click()
    page.locator("a, button").filter(has_text=re.compile("^View$")).first.click()
    page.wait_for_url("**/runs/*")
    ended = page.get_by_text(re.compile("^(Success|Failure)$")).first
    ended.wait_for(timeout=1000 * PATIENCE_SECONDS)
    assert ended.text_content() == "Success"
    expect(page.get_by_text("Terminate", exact=True)).to_have_count(
        0, timeout=PAGE_MS
    )  # the page, too, knows that it has ended
    page.get_by_text(f"partition: {hour}").first.wait_for()
    page.screenshot(path=shots / "run.png")


def sees_a_mart_measured(page: Page, url: str, shots: Path) -> None:
    """Dagster is told of the rows when the run's step ends, which is after they are published: an early page is old."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        page.goto(f"{url}/assets/warm/fct_readings_hourly")
        try:
            page.get_by_text("Row count").first.wait_for(timeout=15_000)
            break
        except PlaywrightTimeoutError:
            assert time.monotonic() < deadline, page.inner_text("body")
    page.get_by_text("Smallest value").first.wait_for()
    page.screenshot(path=shots / "mart.png")


def refuses(terminal: Any, home: Path, port: int, why: str) -> None:
    said = terminal.run(home, "dev", "--port", str(port), timeout=60)
    assert (said.code, why in said.err) == (1, True), said


def loses_its_worker(running: Dev) -> None:
    (worker,) = (process for process in running.family() if process.cmdline()[-2:] == ["ingest", "bronze"])
    worker.kill()
    running.until("word of the worker", lambda: "the bronze worker ended with exit code -9" in running.said.read_text())


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(420)
def test_sensors_carry_telemetry_to_the_marts_an_hour_is_recomputed_by_clicking_and_nothing_stays_behind(
    terminal: Any, browser: Browser, screenshots: Path, tmp_path: Path
) -> None:
    with dev(terminal, tmp_path) as running:
        running.until("local endpoints", (running.home / "local.env").exists)
        settings = load(running.home)
        simulate(settings, SimulationOptions(devices=10, events=EVENTS))
        lake = Lake.of(settings)
        running.until("Silver by its sensor", lambda: snapshot(lake) is not None)

        # Chromium's own default in a container without a locale is a language tag that the UI does not survive.
        page = browser.new_context(
            locale="en-GB", timezone_id="UTC", viewport={"width": 1600, "height": 1000}, reduced_motion="reduce"
        ).new_page()
        page.set_default_timeout(PAGE_MS)
        sees_four_groups(page, running.url, screenshots)
        sees_a_table_described(page, running.url, screenshots, READINGS)
        sees_a_check_passed(page, running.url, screenshots)
        before, rows = batches.last(lake.open(BATCHES)), accepted(lake)
        assert before is not None
        materialises(page, running.url, screenshots, before.hours[-1])
        page.goto("about:blank")  # a page that draws itself again and again takes the time of those we wait for
        after = batches.last(lake.open(BATCHES))
        assert after is not None
        assert (after.batch, after.mode, after.events) == (before.batch + 1, "replace", 0)
        assert before.hours[-1] in after.hours
        assert accepted(lake) == rows

        loses_its_worker(running)
        refuses(terminal, running.home, free_port(), "another `lakehouse dev` runs")
        refuses(terminal, tmp_path / "elsewhere", running.port, "is taken by another process")
        running.until("Gold and the marts by their sensors", lambda: promoted(settings))
        sees_a_mart_measured(page, running.url, screenshots)
        page.context.close()

        code, left = running.stop()
        assert code == 0, running.told()
        assert left == []
        assert terminal.processes_of(running.home) == []
        assert not (running.home / "local.env").exists()
        assert "lakehouse simulate" in running.said.read_text()
