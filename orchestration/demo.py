"""The main job, whole, in a folder of its own: send, take over, promote, account for every event.

Belongs here: the order of the demo, the processes it starts, and the comparison of what was promised with what came
of it. Every step is the product's own: the real SDKs against local endpoints, the bronze worker as a process,
Dagster's sensors, jobs, assets and checks.
Does not: showing the result (`orchestration.cli.demo`), or steps of its own (`demo_input`, `demo_tiers`).

Two cores are to be busy from the start: endpoints start while the simulator is imported, Dagster is imported and dbt
parses its project while the worker is at work.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_azure import endpoints, supervisor
from settings.clock import now
from settings.load import load

if TYPE_CHECKING:
    from orchestration.demo_tiers import Tiers
    from quality.rules.ledger import Ledger
    from simulator.manifest import Totals

EVENTS = 200_000
PHASES = ("send", "ingest", "silver", "gold", "warm")
Bar = Callable[[int, "int | None"], None]


@dataclass(frozen=True)
class Stage:
    """What the demo tells while it runs."""

    bar: Callable[[str], AbstractContextManager[Bar]]
    say: Callable[[str], None]


@dataclass(frozen=True)
class Load:
    """What is sent: so many messages of the simulated fleet, or every row of `source` for `mapping` to read."""

    events: int = EVENTS
    source: Path | None = None
    mapping: str | None = None


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
        """The object `--json` prints; `manifest_matched` is null where nothing was promised (replayed files)."""
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


class WorkerError(RuntimeError):
    """The bronze worker did not take over everything."""


def fresh_folder(wanted: Path | None, home: Path) -> Path:
    """A folder with nothing in it, named by the time where none is wanted.

    Raises: FileExistsError where the wanted one holds something: a demo mixes with nothing.
    """
    folder = (wanted or home / "demo" / f"{now():%Y%m%d-%H%M%S}-{os.getpid()}").absolute()
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; name a folder with --dir")
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; a demo starts from nothing: name another --dir, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(folder: Path, stage: Stage, wanted: Load) -> Outcome:
    """Run the demo in an empty folder and leave its lake and warm database there; what it started is ended.

    Raises: WorkerError, ValueError where the source holds no rows, and what the steps raise.
    """
    begun = time.monotonic()
    outcome = Outcome(lake=folder / "lake")
    stage.say("starting Event Hubs and Kusto on free ports")
    place = folder / "endpoints"
    starting = supervisor.launch([endpoints.event_hubs(), endpoints.kusto()], place, accompany=os.getpid())
    try:
        from orchestration.demo_input import promised, send  # noqa: PLC0415 - imported while the endpoints start

        with _environment(_settings(folder, starting.ready())):
            settings = load()
            manifest = folder / "manifest.jsonl"
            with _timed(outcome, "send"), stage.bar("sent to Event Hubs") as bar:
                outcome.events_sent = send(settings, wanted, manifest, bar)
            if not outcome.events_sent:
                raise ValueError(f"--source {wanted.source} holds no rows: there is nothing to follow")
            with _timed(outcome, "ingest"), _worker():
                from orchestration.demo_tiers import Tiers  # noqa: PLC0415 - imported while the worker is at work

                tiers = Tiers.ready(settings)
                outcome.expected = promised(manifest)
            _promote(tiers, stage, outcome)
            _account(tiers, outcome)
    finally:
        supervisor.stop(place)
    outcome.seconds["total"] = round(time.monotonic() - begun, 2)
    return outcome


def _settings(folder: Path, ready: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The demo's settings, whole: what a shell or an `.env` says of another lake must not lead it there."""
    return {
        **endpoints.environment(ready),
        "LAKE_HOME": str(folder),
        "LAKE_ROOT": str(folder / "lake"),
        "LAKE_ENVIRONMENT": "local",
        "LAKE_EVENT_HUBS__NAMESPACE": "local",
        "LAKE_EVENT_HUBS__CONSUMER_GROUP": "$Default",
        "LAKE_EVENT_HUBS__EPOCH": "0",
    }


@contextmanager
def _worker() -> Iterator[None]:
    """The bronze worker, as its own process, until everything that was sent is in Bronze. It shows its own progress.

    Raises: WorkerError.
    """
    command = ("ingest", "bronze", "--until-head", "--quiet", "--with-parent", str(os.getpid()))
    worker = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli.main", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; the worker hears it from us
    )
    try:
        yield
        code = worker.wait()
    finally:
        if worker.poll() is None:
            worker.terminate()
            worker.wait()
    if code != 0:
        raise WorkerError(f"the bronze worker ended with exit code {code}; what it said stands above")


def _promote(tiers: Tiers, stage: Stage, outcome: Outcome) -> None:
    """Let the sensors run what is due; time goes to the tier whose run it was."""
    begun = time.monotonic()

    def said(job: str, what: str) -> None:
        nonlocal begun
        if what == "started":
            stage.say(f"Dagster runs {job}")
            return
        phase = tiers.phase(job)
        outcome.seconds[phase] = round(outcome.seconds.get(phase, 0) + time.monotonic() - begun, 2)
        begun = time.monotonic()

    tiers.run_due(said)


def _account(tiers: Tiers, outcome: Outcome) -> None:
    outcome.ledger = tiers.ledger()
    outcome.bronze_rows, outcome.gold, outcome.warm = tiers.rows()
    outcome.disagreements = list(_disagreements(outcome, outcome.ledger))
    outcome.seconds = {phase: outcome.seconds.get(phase, 0.0) for phase in PHASES}


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
