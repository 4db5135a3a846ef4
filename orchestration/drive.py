"""The night shift in one process: asks the product's own sensors what is due and runs it, until nothing is.

Belongs here: ticking sensors and executing their run requests without a daemon, for the demo, for tests and for
`lakehouse materialize`. The sensors, jobs, assets and checks are those that Dagster's daemon runs.
Does not: deciding what is due (`sensors`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import dagster as dg

LANES = ("bronze_delta_log", "gold_dirty_dates", "quality_dirty_dates", "warm_dirty_dates")
"""Sensors in the order data flows."""

Said = Callable[[str, str], None]
"""Called with the job's name and `started`, `succeeded` or `failed`."""


class RunFailedError(RuntimeError):
    """A run failed; the text names it and its first failed step."""


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
    definitions: dg.Definitions, instance: dg.DagsterInstance, said: Said = lambda _job, _what: None, rounds: int = 20
) -> list[Done]:
    """Run what the sensors ask for, lane by lane, until a whole round asks for nothing.

    Raises: RunFailedError at the first run that fails: whoever drives decides whether to try again.
    """
    done: list[Done] = []
    for _ in range(rounds):
        before = len(done)
        for name in LANES:
            done += _tick(definitions, instance, name, said)
        if len(done) == before:
            return done
    return done


def _tick(definitions: dg.Definitions, instance: dg.DagsterInstance, name: str, said: Said) -> Iterator[Done]:
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
    for request in result.run_requests or ():
        job_name = request.job_name or sensor.job_name
        said(job_name, "started")
        with _stdout_to(Path(instance.root_directory) / "runs.log"):
            outcome = definitions.resolve_job_def(job_name).execute_in_process(
                instance=instance,
                run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
                tags={**request.tags, "dagster/run_key": request.run_key or "", "dagster/sensor_name": name},
                raise_on_error=False,
            )
        if not outcome.success:
            said(job_name, "failed")
            raise RunFailedError(_why(job_name, outcome))
        said(job_name, "succeeded")
        start, end = (request.tags.get(f"dagster/asset_partition_range_{side}", "") for side in ("start", "end"))
        yield Done(job_name, outcome.run_id, start if start == end else f"{start} … {end}")


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
