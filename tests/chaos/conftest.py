"""One hub log, processed once undisturbed; a laptop to process a copy of it on; and what every tier holds of it.

A scenario runs the product's own commands as processes, so that what is killed is what runs in production. The hub log
and the undisturbed outcome are made once per session, whichever worker needs them first.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.silver.audit import audit
from assets.warm.publish import MARTS
from lake.store import Lake
from local_azure import endpoints, supervisor
from local_azure.event_hubs import message
from local_azure.event_hubs.log import read_partition
from orchestration.resources.kusto import Kusto
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import (
    ADX_READINGS,
    AGGREGATES,
    BRONZE_TELEMETRY,
    DATA_QUALITY_1D,
    DATE_STATE,
    DUPLICATES,
    EVENT_NAMES,
    QUARANTINE,
    READINGS,
)
from settings.load import load
from settings.model import EventHubs, Settings
from simulator.faults import TYPICAL, FaultRates
from simulator.plan import SimulationOptions
from simulator.simulate import simulate

EVENTS = 3000
BEGIN = datetime(2026, 3, 3, 6, tzinfo=UTC)
CLOCK = {"clock_start": BEGIN.replace(hour=7, minute=20), "clock_speed": 3600.0}
"""A second of sending is an hour of the hub: duplicates and conflicts lie in other hours than their originals."""
LATER = {"LAKE_CLOCK_START": BEGIN.replace(hour=18).isoformat()}
"""What the product takes for now: soon after the log ends, so that a run spans hours and not months."""
SMALL_CUTS = {"LAKE_BRONZE__FLUSH_ROWS": "700", "LAKE_SILVER__BATCH_EVENTS": "1000"}
"""Several commits and batches where the undisturbed run has one: neither may show in the outcome."""
APPROXIMATE = ("avg_value", "stdev_value")
"""Sums depend on the order of their terms; all else is exact."""

RUN_SECONDS = 120.0
"""The longest a command may take; it takes ten."""

Frames = dict[str, pl.DataFrame]


def options(faults: FaultRates = TYPICAL, events: int = EVENTS, rate: float | None = None) -> SimulationOptions:
    return SimulationOptions(
        devices=30, events=events, start=BEGIN, interval_s=60, seed=7, faults=faults, rate=rate
    )


@dataclass
class Laptop:
    """A home with local endpoints and the command line."""

    home: Path
    cuts: Mapping[str, str] = field(default_factory=lambda: SMALL_CUTS)
    ready: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextmanager
    def up(self, *wanted: supervisor.Endpoint) -> Iterator[None]:
        """Endpoints under the supervisor, which starts again what dies."""
        self.ready = supervisor.start(list(wanted), self.home / "endpoints", accompany=os.getpid())
        try:
            yield
        finally:
            supervisor.stop(self.home / "endpoints")

    @property
    def hub_data(self) -> Path:
        return self.home / "endpoints" / "event_hubs" / "data"

    @property
    def settings(self) -> Settings:
        hub = EventHubs(connection_string=self.ready["event_hubs"]["connection_string"], hub=endpoints.HUB)
        return load(self.home, event_hubs=hub) if "event_hubs" in self.ready else load(self.home)

    @property
    def lake(self) -> Lake:
        return Lake.of(load(self.home))

    @contextmanager
    def kusto(self) -> Iterator[Kusto]:
        client = Kusto(self.ready["kusto"]["uri"], self.ready["kusto"]["database"])
        try:
            yield client
        finally:
            client.close()

    def start(self, *command: str, kill_at: str | None = None) -> subprocess.Popen[str]:
        """`lakehouse …`, which ends itself by SIGKILL at a named point."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LAKE_")}
        wanted = {"LAKE_HOME": str(self.home), **LATER, **endpoints.environment(self.ready), **self.cuts}
        point = {} if kill_at is None else {"LAKE_KILL_AT": kill_at}
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli.main", *command],
            env={**clean, **wanted, **point},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, kill_at: str | None = None) -> int:
        """The exit code of a whole run; what it said is shown where a test fails."""
        with self.start(*command, kill_at=kill_at) as process:
            try:
                out, err = process.communicate(timeout=RUN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        print(f"--- lakehouse {' '.join(command)} (kill at {kill_at}): {process.returncode}\n{out}{err[-4000:]}")
        return process.returncode

    def run_killed_at(self, point: str, *command: str) -> None:
        assert self.run(*command, kill_at=point) == -signal.SIGKILL, f"{point} was not reached"

    def run_until_it_succeeds(self, *command: str, attempts: int = 3) -> int:
        """How many times the same command had to be given."""
        for attempt in range(1, attempts + 1):
            if self.run(*command) == 0:
                return attempt
        raise AssertionError(f"`lakehouse {' '.join(command)}` did not succeed in {attempts} attempts")

    def tiers(self) -> Frames:
        """What Silver, Azure Data Explorer, Gold and the warm tier hold, without what names the run that wrote it."""
        with self.kusto() as kusto:
            adx = {
                f"adx.{name}": _frame(kusto.query(name), "silver_batch")
                for name in map(kusto_name, (ADX_READINGS, *AGGREGATES.values()))
            }
        silver = {t.path: _frame(self.lake.rows(t), "silver_batch") for t in (READINGS, QUARANTINE, DUPLICATES)}
        gold = {t.path: _frame(self.lake.rows(t)) for t in (*AGGREGATES.values(), DATA_QUALITY_1D)}
        state = _frame(self.lake.rows(DATE_STATE)).sort("silver_batch").unique(["lane", "date"], keep="last")
        return {**silver, **adx, **gold, DATE_STATE.path: state.select("lane", "date", "rows_loaded"), **self.warm()}

    def warm(self) -> Frames:
        with duckdb.connect(str(load(self.home).warm_database), read_only=True) as db:
            named = db.execute("select table_name from information_schema.tables where table_schema = ?", [MARTS])
            names = [name for (name,) in named.fetchall()]
            return {f"warm.{name}": db.sql(f'select * from {MARTS}."{name}"').pl() for name in names}

    def assert_bronze_is_the_hub_log(self) -> None:
        wanted = hub_rows(self.hub_data)
        columns = ["partition_id", "sequence_number", "enqueued_at", "offset", "device_id", "body"]
        rows = self.lake.rows(BRONZE_TELEMETRY, columns=columns).to_pylist()
        found = sorted(tuple(row.values()) for row in rows)
        assert len(found) == len(wanted)
        assert found == wanted

    def assert_ledger_balances(self) -> None:
        ledger = audit(self.lake)
        assert ledger.balanced
        assert sum(line.lag for line in ledger.streams) == 0


def hub_rows(data: Path) -> list[tuple[Any, ...]]:
    """Partition, number, enqueued time, offset, partition key and body of every event, straight from the files."""
    found = []
    for partition in map(str, range(endpoints.PARTITIONS)):
        for record in read_partition(data, endpoints.HUB, partition):
            held = message.decode(record.message)
            key = held.annotations["x-opt-partition-key"]
            place = (partition, record.sequence_number, record.enqueued_at, str(record.offset))
            found.append((*place, key, held.body))
    return sorted(found)


def _frame(rows: Any, *without: str) -> pl.DataFrame:
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame.drop(*without, strict=False)


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    reference = [name for name in (*EVENT_NAMES, "index") if name in frame.columns]
    exact = [name for name in frame.columns if name not in APPROXIMATE and frame[name].dtype != pl.Object]
    return frame.sort(reference or exact, nulls_last=True)


@pytest.fixture(scope="session")
def same_tiers() -> Callable[[Frames, Frames], None]:
    def check(found: Frames, wanted: Frames) -> None:
        assert sorted(found) == sorted(wanted)
        for name, expected in wanted.items():
            left, right = _ordered(found[name]), _ordered(expected)
            exact = [column for column in right.columns if column not in APPROXIMATE]
            assert left.columns == right.columns, name
            assert left.height == right.height, name
            assert left.select(exact).equals(right.select(exact)), name
            assert_frame_equal(left, right, rel_tol=1e-9, abs_tol=0.0)

    return check


def _once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made by the first of the session's workers that asks for it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def hub_log(shared: Path) -> Path:
    """The data of an Event Hubs that took a run of the simulator; `manifest.jsonl` beside it says what it was."""

    def make(folder: Path) -> None:
        laptop = Laptop(folder)
        with laptop.up(endpoints.event_hubs(0, **CLOCK)):
            simulate(laptop.settings, options(), manifest=folder / "manifest.jsonl")

    return _once(shared / "hub_log", make)


@pytest.fixture
def laptop(hub_log: Path, tmp_path: Path) -> Laptop:
    """A new home whose hub holds the log."""
    return _with_log(hub_log, tmp_path / "home")


def _with_log(hub_log: Path, home: Path, cuts: Mapping[str, str] = SMALL_CUTS) -> Laptop:
    laptop = Laptop(home, cuts)
    shutil.copytree(Laptop(hub_log).hub_data, laptop.hub_data)
    return laptop


@pytest.fixture(scope="session")
def undisturbed(hub_log: Path, shared: Path) -> Frames:
    """Every tier after a run that nothing disturbed."""

    def make(folder: Path) -> None:
        laptop = _with_log(hub_log, folder, cuts={})
        with laptop.up(endpoints.event_hubs(), endpoints.kusto()):
            assert laptop.run("ingest", "bronze", "--until-head") == 0
            assert laptop.run("materialize") == 0
            laptop.assert_bronze_is_the_hub_log()
            laptop.assert_ledger_balances()
            for name, frame in laptop.tiers().items():
                frame.write_parquet(folder / f"{name.replace('/', '.')}.parquet")
            names = sorted(laptop.tiers())
            (folder / "tiers.json").write_text(json.dumps(names))

    folder = _once(shared / "undisturbed", make)
    names = json.loads((folder / "tiers.json").read_text())
    return {name: pl.read_parquet(folder / f"{name.replace('/', '.')}.parquet") for name in names}
