"""The main job, whole, in a folder of its own: send, take over, promote, account for every event.

Belongs here: the order of the demo and the comparison of what was promised with what came of it. Every step is the
product's own: the real SDKs against local endpoints, the bronze worker, Dagster's sensors, jobs, assets and checks.
Does not: showing the result (`orchestration.cli.demo`), or steps of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.silver.audit import audit
from assets.warm.publish import warm_counts
from canonical.specs import load_specs
from ingest_workers.bronze import run_bronze
from lake.store import Lake
from local_azure import endpoints, supervisor
from orchestration.build import build_defs
from orchestration.drive import instance_at, run_due
from orchestration.jobs import GOLD, QUALITY, SILVER, WARM
from quality.contracts.tables import AGGREGATES, BRONZE_TELEMETRY
from quality.rules.ledger import Ledger
from settings.load import load
from settings.model import Settings
from simulator.faults import TYPICAL
from simulator.manifest import Totals, summary
from simulator.plan import SimulationOptions
from simulator.replay import replay
from simulator.simulate import simulate

DEVICES = 200
Bar = Callable[[int, int | None], None]

_PHASE = {SILVER: "silver", GOLD: "gold", QUALITY: "gold", WARM: "warm"}


@dataclass
class Stage:
    """What the demo tells while it runs."""

    bar: Callable[[str], Any]
    say: Callable[[str], None]


@dataclass
class Outcome:
    """What the demo found."""

    lake: Path
    events_sent: int = 0
    bronze_rows: int = 0
    gold: dict[str, int] = field(default_factory=dict)
    warm: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    ledger: Ledger | None = None
    expected: Totals | None = None
    disagreements: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Everything accounted for, and as promised."""
        return self.ledger is not None and self.ledger.balanced and not self.disagreements

    def as_json(self) -> dict[str, Any]:
        """The object `--json` prints."""
        assert self.ledger is not None, "the demo has run"
        readings = self.ledger.readings
        return {
            "events_sent": self.events_sent,
            "bronze_rows": self.bronze_rows,
            "events": self.ledger.events,
            "readings": {name: readings.get(name, 0) for name in ("accepted", "quarantined", "duplicate")},
            "quarantine_reasons": self.ledger.reasons,
            "gold": self.gold,
            "warm": self.warm,
            "ledger_balanced": self.ledger.balanced,
            "manifest_matched": None if self.expected is None else not self.disagreements,
            "seconds": self.seconds,
            "lake": str(self.lake),
        }


def fresh_folder(wanted: Path | None, home: Path) -> Path:
    """A folder with nothing in it.

    Raises: FileExistsError where the wanted one holds something: a demo mixes with nothing.
    """
    folder = wanted or home / "demo" / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; a demo starts from nothing: name another --dir, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


def run(folder: Path, stage: Stage, *, events: int, source: Path | None = None, mapping: str | None = None) -> Outcome:
    """Run the demo in an empty folder and leave its lake and warm database there; the endpoints are ended.

    Raises: ValueError for a mapping that does not exist; what the steps raise.
    """
    _check(source, mapping)
    begun = time.monotonic()
    outcome = Outcome(lake=folder / "lake")
    stage.say("starting Event Hubs and Kusto on free ports")
    ready = supervisor.start([endpoints.event_hubs(), endpoints.kusto()], folder / "endpoints", accompany=os.getpid())
    try:
        with _environment({**endpoints.environment(ready), "LAKE_HOME": str(folder)}):
            settings = load()
            manifest = folder / "manifest.jsonl"
            _send(settings, stage, outcome, manifest=manifest, events=events, source=source, mapping=mapping)
            with _timed(outcome, "ingest"), stage.bar("committed to Bronze") as bar:
                run_bronze(settings, until_head=True, on_progress=lambda p: bar(p.committed, p.committed + p.lag))
            _promote(settings, stage, outcome)
            _account(settings, outcome)
    finally:
        supervisor.stop(folder / "endpoints")
    outcome.seconds["total"] = round(time.monotonic() - begun, 2)
    return outcome


def _check(source: Path | None, mapping: str | None) -> None:
    known = [spec.id for spec in load_specs(load().specs)]
    if source is not None and mapping is None:
        raise ValueError(f"--source {source} needs --mapping; there are {', '.join(known)}")
    if mapping is not None and mapping not in known:
        raise ValueError(f"no mapping {mapping!r}; there are {', '.join(known)}")


def _send(
    settings: Settings,
    stage: Stage,
    outcome: Outcome,
    *,
    manifest: Path,
    events: int,
    source: Path | None,
    mapping: str | None,
) -> None:
    with _timed(outcome, "send"), stage.bar("sent to Event Hubs") as bar:
        if source is not None:
            spec = next(spec for spec in load_specs(settings.specs) if spec.id == mapping)
            outcome.events_sent = replay(settings, source, spec.id, header=spec.has_header, on_progress=bar).events
            return
        options = SimulationOptions(devices=DEVICES, events=events, faults=TYPICAL)
        outcome.events_sent = simulate(settings, options, manifest=manifest, on_progress=bar).events
    outcome.expected = summary(manifest)


def _promote(settings: Settings, stage: Stage, outcome: Outcome) -> None:
    """Let the sensors run what is due; time goes to the tier whose run it was."""
    started: dict[str, float] = {}

    def said(job: str, what: str) -> None:
        phase = _PHASE[job]
        if what == "started":
            stage.say(f"Dagster runs {job}")
            started[job] = time.monotonic()
        else:
            outcome.seconds[phase] = round(outcome.seconds.get(phase, 0) + time.monotonic() - started[job], 2)

    with instance_at(settings.home / "dagster") as instance:
        run_due(build_defs(settings), instance, said)


def _account(settings: Settings, outcome: Outcome) -> None:
    lake = Lake.of(settings)
    outcome.bronze_rows = int(lake.open(BRONZE_TELEMETRY).count())
    outcome.ledger = audit(lake)
    outcome.gold = {table.name: int(lake.open(table).count()) for table in AGGREGATES.values()}
    outcome.warm = warm_counts(settings)
    outcome.disagreements = list(_disagreements(outcome, outcome.ledger))
    for phase in ("silver", "gold", "warm"):
        outcome.seconds.setdefault(phase, 0.0)


def _disagreements(outcome: Outcome, ledger: Ledger) -> Iterator[str]:
    """Where promise and outcome differ, one sentence each."""
    if outcome.bronze_rows != outcome.events_sent:
        yield f"{outcome.events_sent:,} events were sent, Bronze holds {outcome.bronze_rows:,}"
    lag = sum(line.lag for line in ledger.streams)
    if lag:
        yield f"{lag:,} events of Bronze are not in Silver yet"
    if outcome.expected is None:
        return
    for what, promised, found in (
        ("events", outcome.expected.events, ledger.events),
        ("readings", outcome.expected.readings, ledger.readings),
        ("quarantine", outcome.expected.reasons, ledger.reasons),
    ):
        for name in sorted({*promised, *found}):
            if promised.get(name, 0) != found.get(name, 0):
                yield f"{what} {name}: manifest says {promised.get(name, 0):,}, found {found.get(name, 0):,}"


@contextmanager
def _timed(outcome: Outcome, phase: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    outcome.seconds[phase] = round(time.monotonic() - begun, 2)


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """The demo's own settings for this process and its children; what was there comes back."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
