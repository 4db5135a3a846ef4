"""A small lake, Dagster's own instance in memory, and the product's sensors ticked as the daemon ticks them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from canonical.specs import FOLDER
from lake import fence
from lake.store import Lake
from orchestration.build import build_defs
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY, DATE_STATE
from settings.model import Settings

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


@dataclass
class Laptop:
    settings: Settings
    instance: dg.DagsterInstance
    cursors: dict[str, str | None] = field(default_factory=dict)

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_defs(self.settings)

    @property
    def lake(self) -> Lake:
        return Lake.of(self.settings)

    def arrive(self, numbers: Sequence[int], enqueued_at: datetime = NOON, body: bytes | None = None) -> None:
        """One Bronze commit, as a worker's flush."""
        rows = [_event(number, enqueued_at + timedelta(seconds=number), body) for number in numbers]
        fence.append(self.lake, BRONZE_TELEMETRY, pa.Table.from_pylist(rows, schema=arrow_schema(BRONZE_TELEMETRY)))

    def tick(self, name: str) -> dg.SensorResult:
        """One tick; what it reports is stored, its runs are for the caller to start."""
        repository = self.definitions.get_repository_def()
        sensor = repository.get_sensor_def(name)
        resources = self.definitions.resources or {}
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(name),
            repository_def=repository,
            resources={key: resources[key] for key in sensor.required_resource_keys},
        ) as context:
            result = sensor.evaluate_tick(context)
        self.cursors[name] = result.cursor
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        return result

    def run(self, job_name: str, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """A run of a lane in this process."""
        return self.definitions.resolve_job_def(job_name).execute_in_process(
            instance=self.instance, tags=tags, raise_on_error=False
        )

    def promote(self) -> dg.ExecuteInProcessResult:
        """What the daemon would do for Silver."""
        (request,) = self.tick("bronze_delta_log").run_requests
        return self.run("silver_lane", {**request.tags, "dagster/run_key": request.run_key})

    def past_run(self, job_name: str, status: dg.DagsterRunStatus, tags: dict[str, str] | None = None) -> str:
        """A run in the history."""
        run = dg.DagsterRun(job_name=job_name, status=status, tags=tags or {})
        return self.instance.add_run(run).run_id

    def gold_has(self, day: date, batch: int, lane: str = "readings") -> None:
        """A line of `gold.date_state`."""
        row = {
            "lane": lane,
            "date": day,
            "lake_id": self.lake.identity(),
            "silver_batch": batch,
            "rows_loaded": 1,
            "loaded_at": NOON,
        }
        wanted = {name: row[name] for name in DATE_STATE.names}
        fence.append(self.lake, DATE_STATE, pa.Table.from_pylist([wanted], schema=arrow_schema(DATE_STATE)))


def _event(number: int, enqueued_at: datetime, body: bytes | None) -> dict[str, object]:
    message = {
        "device": "sim-00001",
        "time": enqueued_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "temperature": 20.0 + number,
        "temperature_unit": "degC",
        "humidity": 40.0,
        "pressure": 101325.0,
        "battery": 3.6,
    }
    return {
        "ingest_date": enqueued_at.date(),
        "hub": "telemetry",
        "partition_id": "0",
        "epoch": 0,
        "sequence_number": number,
        "offset": str(number),
        "enqueued_at": enqueued_at,
        "ingested_at": enqueued_at,
        "device_id": "sim-00001",
        "content_type": "application/json",
        "content_encoding": None,
        "schema_ref": "simulator.v1",
        "properties": [],
        "body": json.dumps(message).encode() if body is None else body,
        "erased_at": None,
    }


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    # One vendor is enough here, and compiling those of all takes longer than the rest of a run.
    (tmp_path / "specs").mkdir()
    shutil.copy(FOLDER / "simulator_json.yaml", tmp_path / "specs")
    settings = Settings(home=tmp_path / "home", specs=tmp_path / "specs", _env_file=None)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Laptop(settings, instance)


Clock = Callable[[float], None]


@pytest.fixture
def minutes_later(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the real time that back-off goes by to so many minutes from now."""

    def later(minutes: float) -> None:
        instant = time.time() + 60 * minutes
        monkeypatch.setattr("sensors.lanes.real_time", lambda: instant)

    return later
