"""One hub log, processed once undisturbed; a laptop to process a copy of it on; and what every tier holds of it.

A scenario runs the product's own commands as processes (see `nursery`), so that what is killed is what runs in
production. The hub log and the undisturbed outcome are made once per session, whichever worker needs them first.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import psutil
import pytest

from assets.gold.database import SWAPPED
from assets.silver.audit import audit
from assets.warm.state import MARTS
from lake.store import Lake
from local_azure import endpoints, supervisor
from orchestration.drive import instance_at
from orchestration.resources.kusto import Kusto
from quality.contracts.domain_tables import BY_DATE, FAULT_INDICATORS_1D, SITE_COMFORT_1D, SITE_USE_1D, TWIN_STATES
from quality.contracts.gold_tables import ADX_COUNTER_STEPS, ADX_STATE_SPANS
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import (
    BRONZE_TELEMETRY,
    COUNTERS,
    DATA_QUALITY_1D,
    DATE_STATE,
    DUPLICATES,
    LEVEL_TABLES,
    QUARANTINE,
    READING_FLAGS,
    READINGS,
    STATES,
    SUSPECT_READINGS_1D,
)
from settings.load import load
from settings.model import EventHubs, Settings
from settings.model import Kusto as KustoSettings
from simulator.faults import FaultRates
from simulator.plan import SimulationOptions
from simulator.simulate import simulate
from tests.chaos.tiers import Frames, assert_same_tiers, frame_of, hub_rows

EVENTS = 800
DEVICES = 20
FAULTS = FaultRates(
    corrupt=0.01, duplicate=0.03, conflict=0.02, out_of_range=0.02, late=0.02, wrong_unit=0.01, missing_field=0.01
)
BEGIN = datetime(2026, 3, 3, 6, tzinfo=UTC)
CLOCK = {"clock_start": BEGIN.replace(hour=7, minute=20), "clock_speed": 3600.0}
"""A second of sending is an hour of the hub: duplicates and conflicts lie in other hours than their originals."""
LATER = {"LAKE_CLOCK_START": (BEGIN + timedelta(days=1)).isoformat()}
"""What the product takes for now: soon after the log ends, so that a run spans hours and not months."""
SMALL_CUTS = {"LAKE_BRONZE__FLUSH_ROWS": "200", "LAKE_SILVER__BATCH_EVENTS": "300"}
"""Several commits and batches where the undisturbed run has one: neither may show in the outcome."""

_UNREGISTERED = ("dim_client", "dim_engagement", "fct_alerts_daily", "fct_engagement", "fct_site_comfort_daily")
NOTHING_OF = frozenset(
    [f"adx.{kusto_name(t)}" for t in (ADX_COUNTER_STEPS, ADX_STATE_SPANS, *COUNTERS.values(), *STATES.values())]
    + [f"gold.{t.name}" for t in (*COUNTERS.values(), *STATES.values(), SITE_COMFORT_1D, SITE_USE_1D)]
    + [f"gold.{t.name}" for t in (FAULT_INDICATORS_1D, TWIN_STATES)]
    + [f"warm.{name}" for name in (*_UNREGISTERED, "fct_site_use_daily", "fct_site_intensity")]
)
"""Tables to which a fleet without counters, states and registers gives no row: they stay empty, and that is all."""
LAKEHOUSE = ("-m", "orchestration.cli.main")
RUN_SECONDS = 480
"""The longest a command may take; on an idle machine the longest takes ten."""


def options(faults: FaultRates = FAULTS, rate: float | None = None) -> SimulationOptions:
    return SimulationOptions(
        devices=DEVICES, events=EVENTS, start=BEGIN, interval_s=60, seed=7, faults=faults, rate=rate
    )


class Nursery:
    """Where processes come from, one at a time; `cache` is where they keep compiled modules."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py"))],
            env={**self.environment(), "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        """This process's, without settings of the product."""
        unwanted = ("LAKE_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        return {**kept, "PYTHONPYCACHEPREFIX": str(self.cache)}

    def born(self, **order: Any) -> int:
        """The number of a new process."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return self._heard()

    def buried(self) -> int:
        """The exit code of the process, once it has ended."""
        return self._heard()

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def _heard(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the nursery ended with {self._process.wait(10)}"
        return int(line)


@dataclass
class Laptop:
    """A home with local endpoints and the command line."""

    home: Path
    nursery: Nursery
    cuts: Mapping[str, str] = field(default_factory=lambda: SMALL_CUTS)
    ready: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextmanager
    def up(self, *wanted: supervisor.Endpoint) -> Iterator[None]:
        """Endpoints under the supervisor, which starts again what dies."""
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("PYTHONPYCACHEPREFIX", str(self.nursery.cache))
            environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
            self.ready = supervisor.start(list(wanted), self.home / "endpoints", accompany=os.getpid())
        try:
            yield
        finally:
            supervisor.stop(self.home / "endpoints")

    @property
    def said(self) -> Path:
        """What its processes say."""
        return self.home / "said.log"

    @property
    def hub_data(self) -> Path:
        return self.home / "endpoints" / "event_hubs" / "data"

    @property
    def settings(self) -> Settings:
        """This home's, for work in the test's own process."""
        given: dict[str, Any] = {}
        if hub := self.ready.get("event_hubs"):
            given["event_hubs"] = EventHubs(connection_string=hub["connection_string"], hub=endpoints.HUB)
        if kusto := self.ready.get("kusto"):
            given["kusto"] = KustoSettings(uri=kusto["uri"], database=kusto["database"])
        return load(self.home, **given)

    @property
    def lake(self) -> Lake:
        return Lake.of(load(self.home))

    @contextmanager
    def kusto(self) -> Iterator[Kusto]:
        client = Kusto.of(self.settings)
        try:
            yield client
        finally:
            client.close()

    def start(self, *argv: str, kill_at: str | None = None) -> int:
        """The number of a Python process with this home's settings, which ends itself by SIGKILL at a named point."""
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        self.said.touch()
        wanted = {"LAKE_HOME": str(self.home), **LATER, **endpoints.environment(self.ready), **self.cuts}
        env = {**self.nursery.environment(), "TMPDIR": str(self.home / "tmp"), **wanted}
        point = {} if kill_at is None else {"LAKE_KILL_AT": kill_at}
        return self.nursery.born(argv=argv, env={**env, **point}, log=str(self.said), seconds=RUN_SECONDS)

    def script(self, *argv: str, kill_at: str | None = None) -> int:
        """The exit code of a whole run; what it said is shown where a test fails."""
        before = self.said.stat().st_size if self.said.exists() else 0
        began = time.monotonic()
        self.start(*argv, kill_at=kill_at)
        code = self.nursery.buried()
        took = time.monotonic() - began
        said = self.said.read_bytes()[before:].decode(errors="replace")[-4000:]
        sys.stdout.write(f"--- {' '.join(argv)} (kill at {kill_at}): {code} in {took:.1f} s\n{said}\n")
        return code

    def run(self, *command: str, kill_at: str | None = None) -> int:
        """`lakehouse …`."""
        return self.script(*LAKEHOUSE, *command, kill_at=kill_at)

    def runs(self) -> list[tuple[str, dg.DagsterRunStatus]]:
        """Job and status of every run Dagster knows of, oldest first."""
        with instance_at(self.home / "dagster") as instance:
            return [(run.job_name, run.status) for run in reversed(instance.get_runs())]

    def run_killed_at(self, point: str, *command: str) -> None:
        assert self.run(*command, kill_at=point) == -signal.SIGKILL, f"{point} was not reached"

    def tiers(self) -> Frames:
        """What Silver, Azure Data Explorer, Gold and the warm tier hold, without what names the run that wrote it."""
        with self.kusto() as kusto:
            adx = {f"adx.{name}": frame_of(kusto.query(name), "silver_batch") for name in map(kusto_name, SWAPPED)}
        counted = (*(made.table for made in LEVEL_TABLES), DATA_QUALITY_1D, SUSPECT_READINGS_1D, *BY_DATE)
        gold = {f"gold.{t.name}": frame_of(self.lake.rows(t), "domain_load") for t in counted}
        gold["silver.reading_flags"] = frame_of(self.lake.rows(READING_FLAGS), "silver_batch", "parameters")
        state = frame_of(self.lake.rows(DATE_STATE)).sort("silver_batch").unique(["lane", "date"], keep="last")
        gold["gold.date_state"] = state.select("lane", "date", "rows_loaded")
        return {**self.silver(), **adx, **gold, **self.warm()}

    def silver(self) -> Frames:
        tables = (READINGS, QUARANTINE, DUPLICATES)
        return {f"silver.{t.name}": frame_of(self.lake.rows(t), "silver_batch") for t in tables}

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


@pytest.fixture(scope="session")
def same_tiers() -> Callable[[Frames, Frames], None]:
    return assert_same_tiers


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
def nursery(shared: Path) -> Iterator[Nursery]:
    born = Nursery(shared / "compiled")
    yield born
    born.close()


@pytest.fixture(scope="session")
def hub_log(shared: Path, nursery: Nursery) -> Path:
    """A home whose Event Hubs took a run of the simulator."""

    def make(folder: Path) -> None:
        laptop = Laptop(folder, nursery)
        with laptop.up(endpoints.event_hubs(0, **CLOCK)):
            simulate(laptop.settings, options(rate=400))

    return _once(shared / "hub_log", make)


@dataclass(frozen=True)
class Undisturbed:
    """A home after a run that nothing disturbed, and what every tier of it holds."""

    home: Path
    nursery: Nursery
    tiers: Frames

    def copied(self, home: Path, *without: str) -> Laptop:
        """A home in which the tiers above were never reached: `without` names folders of it."""
        for name in ("lake", "warm", "dagster", "endpoints/event_hubs/data", "endpoints/kusto/data"):
            if (self.home / name).exists() and name not in without:
                left_out = [part.removeprefix(f"{name}/") for part in without if part.startswith(f"{name}/")]
                shutil.copytree(self.home / name, home / name, ignore=shutil.ignore_patterns(*left_out))
        return Laptop(home, self.nursery)


@pytest.fixture(scope="session")
def undisturbed(hub_log: Path, shared: Path, nursery: Nursery) -> Undisturbed:
    def make(folder: Path) -> None:
        laptop = _with_log(hub_log, folder, nursery, cuts={})
        with laptop.up(endpoints.event_hubs(), endpoints.kusto()):
            assert laptop.run("ingest", "bronze", "--until-head") == 0
            assert laptop.run("materialize") == 0
            laptop.assert_bronze_is_the_hub_log()
            laptop.assert_ledger_balances()
            (folder / "tiers").mkdir()
            for name, frame in laptop.tiers().items():
                frame.write_parquet(folder / "tiers" / f"{name}.parquet")

    folder = _once(shared / "undisturbed", make)
    tiers = {file.stem: pl.read_parquet(file) for file in (folder / "tiers").glob("*.parquet")}
    empty = {name for name, frame in tiers.items() if not frame.height}
    assert empty <= NOTHING_OF, f"empty tables prove nothing: {sorted(empty - NOTHING_OF)}"
    return Undisturbed(folder, nursery, tiers)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """No process of a test outlives it."""
    yield
    left = [
        process.info["cmdline"] for process in psutil.process_iter(["cmdline", "environ"]) if _of(process, tmp_path)
    ]
    assert left == []


def _of(process: psutil.Process, home: Path) -> bool:
    told = (*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values())
    return any(str(home) in text for text in told)


@pytest.fixture(name="fleet")
def fleet_fixture() -> Callable[..., SimulationOptions]:
    return options


@pytest.fixture
def make_laptop(tmp_path: Path, nursery: Nursery) -> Callable[[str], Laptop]:
    return lambda name: Laptop(tmp_path / name, nursery)


@pytest.fixture
def with_hub_log(hub_log: Path, tmp_path: Path, nursery: Nursery) -> Laptop:
    """A new home whose hub holds the log, and nothing else."""
    return _with_log(hub_log, tmp_path / "home", nursery)


@pytest.fixture
def with_silver(undisturbed: Undisturbed, tmp_path: Path) -> Laptop:
    """A home with Bronze and Silver; Gold and what is above it are still to be made."""
    return undisturbed.copied(tmp_path / "home", "lake/gold", "endpoints/kusto/data", "warm", "dagster")


def _with_log(hub_log: Path, home: Path, nursery: Nursery, cuts: Mapping[str, str] = SMALL_CUTS) -> Laptop:
    laptop = Laptop(home, nursery, cuts)
    shutil.copytree(Laptop(hub_log, nursery).hub_data, laptop.hub_data)
    return laptop
