"""The night shift in one process: asks the product's own sensors what is due and runs it, until nothing is.

Belongs here: ticking sensors and executing their run requests without a daemon, for the demo, for tests and for
`lakehouse materialize`. The sensors, jobs, assets and checks are those that Dagster's daemon runs.
Does not: deciding what is due (`sensors`).

A driver is alone in its folder: it holds a lock that the system takes from a dead process. So a run that an earlier
driver left open was killed with it. It is marked as failed, which is what it is; and since whoever calls the driver
asks now, a lane whose newest run failed is tried again at once. Backing off is for the daemon, which asks for ever.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from sensors.lanes import BUSY, FAILED

if TYPE_CHECKING:
    from dagster._core.definitions.sensor_definition import SensorExecutionData

LANES = (
    "bronze_delta_log",
    "landing_files",
    "gold_dirty_dates",
    "quality_dirty_dates",
    "flags_dirty_dates",
    "domain_dirty_dates",
    "warm_dirty_dates",
)
"""Sensors in the order data flows."""
WATCHES = ("quarantine_spikes",)
"""Sensors that start nothing: they look, and tell."""

Said = Callable[[str, str], None]
"""Called with the job's name and `started`, `succeeded` or `failed`."""


DRIVEN = "lakehouse/driven"
"""Run tag: executed in a driver's own process, which no launcher and no daemon watches."""
_KEPT = ("lakehouse/", "dagster/asset_partition_range_", "dagster/sensor_name", "dagster/run_key")
"""Beginnings of the tags that say what a run is for; a second attempt has them too."""


class RunFailedError(RuntimeError):
    """A run failed; the text names it and its first failed step."""


class DriverBusyError(RuntimeError):
    """Another process drives the same folder."""


@dataclass(frozen=True)
class Done:
    """One run that was executed."""

    job: str
    run_id: str
    partitions: str


@contextmanager
def instance_at(home: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance in a folder, made with the product's `dagster.yaml` where it is absent."""
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(resources.files("orchestration").joinpath("dagster.yaml").read_text())
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def run_due(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    said: Said = lambda _job, _what: None,
    rounds: int = 20,
    lanes: Sequence[str] = LANES,
) -> list[Done]:
    """Run what the sensors ask for, lane by lane, until a whole round asks for nothing.

    Raises: RunFailedError at the first run that fails: whoever drives decides whether to try again. DriverBusyError
    while another driver is at work in the folder.
    """
    done: list[Done] = []
    with _alone(instance):
        _close_killed(instance)
        for _ in range(rounds):
            before = len(done)
            for name in lanes:
                done += _tick(definitions, instance, name, said)
            if len(done) == before:
                break
    return done


@contextmanager
def _alone(instance: dg.DagsterInstance) -> Iterator[None]:
    """Hold the folder's lock; a process that dies, however it dies, lets go of it."""
    path = Path(instance.root_directory) / "driver.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DriverBusyError(
                f"another process runs what is due in {instance.root_directory}; wait until it ends, then try again"
            ) from None
        yield


def _close_killed(instance: dg.DagsterInstance) -> None:
    """Mark as failed what earlier drivers left open: we are alone, so none of them lives."""
    for run in instance.get_runs(dg.RunsFilter(statuses=list(BUSY), tags={DRIVEN: "true"})):
        instance.report_run_failed(run, "The process that executed this run is gone: it was killed or it crashed.")


def _tick(definitions: dg.Definitions, instance: dg.DagsterInstance, name: str, said: Said) -> Iterator[Done]:
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def(name)
    job_name = sensor.job_name
    assert job_name is not None, f"sensor {name} starts no job"
    newest = instance.get_runs(dg.RunsFilter(job_name=job_name), limit=1)
    if newest and newest[0].status in FAILED:
        yield _execute(definitions, instance, job_name, _again(newest[0]), said)
    result = _evaluated(definitions, instance, name)
    for request in result.run_requests or ():
        tags = {**request.tags, "dagster/run_key": request.run_key or "", "dagster/sensor_name": name}
        yield _execute(definitions, instance, request.job_name or job_name, tags, said)


def look(definitions: dg.Definitions, instance: dg.DagsterInstance) -> list[dg.AssetCheckEvaluation]:
    """Let the sensors that only watch look once, as the daemon would; gives the checks that failed."""
    found = [event for name in WATCHES for event in _evaluated(definitions, instance, name).asset_events]
    return [event for event in found if isinstance(event, dg.AssetCheckEvaluation) and not event.passed]


def _evaluated(definitions: dg.Definitions, instance: dg.DagsterInstance, name: str) -> SensorExecutionData:
    """One tick; what it reports is stored, its runs are for the caller to start."""
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def(name)
    cursors = _Cursors(instance, name)
    with dg.build_sensor_context(
        instance=instance, cursor=cursors.read(), repository_def=repository, resources=_resources(definitions, sensor)
    ) as context:
        result = sensor.evaluate_tick(context)
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    if result.cursor is not None:
        cursors.write(result.cursor)
    return result


def _again(run: dg.DagsterRun) -> dict[str, str]:
    """Tags of the next attempt at what a run was for."""
    kept = {name: value for name, value in run.tags.items() if name.startswith(_KEPT)}
    return {**kept, "dagster/parent_run_id": run.run_id, "dagster/root_run_id": run.root_run_id or run.run_id}


def _execute(
    definitions: dg.Definitions, instance: dg.DagsterInstance, job_name: str, tags: Mapping[str, str], said: Said
) -> Done:
    said(job_name, "started")
    with _stdout_to(Path(instance.root_directory) / "runs.log"):
        outcome = definitions.resolve_job_def(job_name).execute_in_process(
            instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            # A daemon beside us must not try again what we try again.
            tags={**tags, DRIVEN: "true", "dagster/max_retries": "0"},
            raise_on_error=False,
        )
    if not outcome.success:
        said(job_name, "failed")
        raise RunFailedError(_why(job_name, outcome))
    said(job_name, "succeeded")
    start, end = (tags.get(f"dagster/asset_partition_range_{side}", "") for side in ("start", "end"))
    return Done(job_name, outcome.run_id, start if start == end else f"{start} … {end}")


@contextmanager
def _stdout_to(log: Path) -> Iterator[None]:
    """What dbt prints goes to a file: stdout belongs to the command that drives."""
    with log.open("a") as file, redirect_stdout(file):
        yield


def _resources(definitions: dg.Definitions, sensor: dg.SensorDefinition) -> dict[str, object]:
    wanted = sensor.required_resource_keys
    return {key: value for key, value in (definitions.resources or {}).items() if key in wanted}


def _why(job_name: str, outcome: dg.ExecuteInProcessResult) -> str:
    for event in outcome.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            cause = error.cause or error
            return f"{job_name} (run {outcome.run_id}) failed in {event.step_key}: {cause.message.strip()}"
    return f"{job_name} (run {outcome.run_id}) failed"


class _Cursors:
    """A sensor's cursor, kept where Dagster keeps small things, so that a killed driver goes on where it was."""

    def __init__(self, instance: dg.DagsterInstance, sensor: str) -> None:
        self._instance = instance
        self._key = f"lakehouse/driver/{sensor}"

    def read(self) -> str | None:
        """The cursor of the last tick."""
        return self._instance.daemon_cursor_storage.get_cursor_values({self._key}).get(self._key)

    def write(self, cursor: str) -> None:
        """Keep the cursor."""
        self._instance.daemon_cursor_storage.set_cursor_values({self._key: cursor})
