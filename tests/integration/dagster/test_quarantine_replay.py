"""A mapping breaks, a person is called, the mapping is mended, and a replay from Dagster makes all as if nothing had been."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from assets.silver import batches
from assets.silver.audit import audit
from assets.silver.judged import why_not_promoted
from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.specs import FOLDER, load_specs
from lake import fence
from lake.store import Lake
from orchestration.build import build_defs
from orchestration.drive import look
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import (
    BRONZE_TELEMETRY,
    DUPLICATES,
    EVENT_NAMES,
    QUARANTINE,
    QUARANTINE_DECISIONS,
    QUARANTINE_HISTORY,
    READINGS,
)
from sensors.quarantine_spikes import CHECK, RUNBOOK
from settings.model import Settings, Silver

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
OPS = {"quarantine_replay": "quarantine_history", "quarantine_dismiss": "quarantine_decisions"}
BREAKS: dict[str, Callable[[str], str]] = {
    "wrong unit": lambda text: text.replace("path: pressure, unit: Pa", "path: pressure, unit: hPa"),
    "field renamed": lambda text: text.replace("path: humidity,", "path: humidity_percent,"),
}


@dataclass
class House:
    """A lake, a folder of specs, and Dagster's own instance in memory."""

    settings: Settings
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    @property
    def lake(self) -> Lake:
        return Lake.of(self.settings)

    def write_specs(self, change: Callable[[str], str] = lambda text: text) -> None:
        assert self.settings.specs is not None
        self.settings.specs.mkdir(exist_ok=True)
        text = (FOLDER / "simulator_json.yaml").read_text(encoding="utf-8")
        spec, _, _ = text.partition("\nexamples:")
        broken = change(spec)
        (self.settings.specs / "simulator_json.yaml").write_text(broken + "\n", encoding="utf-8")

    def tick(self, name: str) -> tuple[dg.SensorResult, list[str]]:
        """One tick as the daemon's, and the errors it logged."""
        repository = self.definitions.get_repository_def()
        sensor = repository.get_sensor_def(name)
        resources = {key: (self.definitions.resources or {})[key] for key in sensor.required_resource_keys}
        errors: list[str] = []
        listener = logging.Handler(logging.ERROR)
        listener.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]  # one line
        with dg.build_sensor_context(instance=self.instance, repository_def=repository, resources=resources) as context:
            context.log.addHandler(listener)
            result = sensor.evaluate_tick(context)
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        return result, errors

    def run(self, job: str, tags: dict[str, str] | None = None, **config: Any) -> dg.ExecuteInProcessResult:
        run_config = {"ops": {OPS[job]: {"config": config}}} if config else None
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, tags=tags, run_config=run_config, raise_on_error=False
        )

    def promote(self) -> None:
        (request,) = self.tick("bronze_delta_log")[0].run_requests
        assert self.run("silver_lane", {**request.tags, "dagster/run_key": request.run_key}).success


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings(home=tmp_path / "home", specs=tmp_path / "specs", _env_file=None)
    with dg.DagsterInstance.ephemeral() as instance:
        yield House(settings, instance, build_defs(settings))


def arrive(lake: Lake, numbers: range) -> None:
    """Events of two hours, five seconds apart."""
    rows = []
    for number in numbers:
        at = NOON + timedelta(minutes=40, seconds=60 * number)
        said = {
            "device": "sim-1", "time": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "temperature": 20.5,
            "temperature_unit": "degC", "humidity": 40.0, "pressure": 101325.0 if number % 2 else 990.0, "battery": 3.6,
        }  # fmt: skip
        rows.append(
            {
                "ingest_date": at.date(), "hub": "telemetry", "partition_id": "0", "epoch": 0,
                "sequence_number": number, "offset": str(number), "enqueued_at": at, "ingested_at": at,
                "device_id": "sim-1", "content_type": "application/json", "schema_ref": "simulator.v1",
                "properties": [], "body": json.dumps(said).encode(),
            }
        )  # fmt: skip
    fence.append(lake, BRONZE_TELEMETRY, pa.Table.from_pylist(rows, schema=arrow_schema(BRONZE_TELEMETRY)))


def everything(lake: Lake) -> list[list[dict[str, Any]]]:
    """All rows in all columns but the batch number."""
    return [
        sorted(
            lake.rows(table).drop_columns(["silver_batch"]).to_pylist(),
            key=lambda row: tuple(row[name] for name in (*EVENT_NAMES, "index")),
        )
        for table in (READINGS, DUPLICATES, QUARANTINE)
    ]


def metadata(result: dg.ExecuteInProcessResult, table: str) -> dict[str, Any]:
    (event,) = (
        event
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(["silver", table])
    )
    return {name: value.value for name, value in event.materialization.metadata.items()}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_mapping_calls_a_person_once_and_its_replay_makes_silver_what_it_would_have_been(
    house, tmp_path, broken: str
) -> None:
    house.write_specs(BREAKS[broken])
    arrive(house.lake, range(60))
    house.promote()

    result, errors = house.tick("quarantine_spikes")
    (verdict,) = result.asset_events
    assert (verdict.passed, verdict.metadata["spiking"].value) == (False, ["simulator_json"])
    assert [RUNBOOK in said and "simulator_json" in said for said in errors] == [True]
    assert house.tick("quarantine_spikes")[0].asset_events == [], "a batch is judged once"
    arrive(house.lake, range(60, 65))
    house.promote()
    result, errors = house.tick("quarantine_spikes")
    assert (result.asset_events[0].passed, errors) == (False, []), "the same spike is told once"

    rejected = house.lake.rows(QUARANTINE).num_rows
    house.write_specs()
    replayed = house.run("quarantine_replay", mapping="simulator_json")

    assert replayed.success
    would_be = Lake(str(tmp_path / "would-be"))
    arrive(would_be, range(65))
    Promoter(would_be, Canonicaliser.of(load_specs(house.settings.specs)), Silver()).promote()
    assert everything(house.lake) == everything(would_be)
    left = would_be.rows(QUARANTINE).num_rows
    told = metadata(replayed, "quarantine_history")
    history = house.lake.rows(QUARANTINE_HISTORY).to_pylist()
    back = [row for row in history if row["replayed_in"] is not None]
    assert (told["taken_back"], told["still_open"], told["newly_rejected"]) == (
        len(back),
        left,
        len(history) - len(back),
    )
    assert len(back) == rejected - (left - told["newly_rejected"])
    assert {row["became"] for row in back} == {"accepted"}
    assert audit(house.lake).balanced
    assert why_not_promoted(house.instance, house.lake) == "", "the replay's own ledger check lets Gold go on"
    (request,) = house.tick("gold_dirty_dates")[0].run_requests
    assert [request.tags[name] for name in RANGE] == ["2026-03-31", "2026-03-31"]
    assert house.tick("quarantine_spikes")[0].asset_events[0].passed == (left == 0)


def test_a_closed_hour_materialised_after_a_fix_is_made_with_the_new_specs_and_the_rest_is_not(house) -> None:
    house.write_specs(BREAKS["wrong unit"])
    arrive(house.lake, range(60))
    house.promote()
    before = batches.hour_digests(house.lake, 1)
    house.write_specs()

    assert house.run("silver_lane", dict.fromkeys(RANGE, "2026-03-31-12")).success

    after = batches.hour_digests(house.lake, 99)
    assert after["2026-03-31-12"] != before["2026-03-31-12"]
    assert after["2026-03-31-13"] == before["2026-03-31-13"]
    assert batches.dates_touched(house.lake, 99) == {date(2026, 3, 31): 2}


def test_rows_are_dismissed_from_dagster_with_who_and_why_and_the_ledger_does_not_move(house) -> None:
    house.write_specs(BREAKS["field renamed"])
    arrive(house.lake, range(3))
    house.promote()

    result = house.run("quarantine_dismiss", reason="missing_field", why="test devices", who="ada")

    assert result.success
    told = metadata(result, "quarantine_decisions")
    assert (told["dismissed"], told["still_open"]) == (3, 0)
    assert {(row["who"], row["why"]) for row in house.lake.rows(QUARANTINE_DECISIONS).to_pylist()} == {
        ("ada", "test devices")
    }
    assert (audit(house.lake).balanced, house.lake.rows(QUARANTINE).num_rows) == (True, 3 + 2)


@pytest.mark.parametrize(
    ("config", "says"), [({"reason": "bad_weather"}, "no reason 'bad_weather'"), ({"since": "noon"}, "is no time")]
)
def test_what_cannot_be_meant_fails_the_run_and_says_why(house, config: dict[str, str], says: str) -> None:
    house.write_specs()
    result = house.run("quarantine_replay", **config)

    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert says in str(failure.step_failure_data.error)


def test_a_mapping_may_say_its_own_share_from_which_a_person_is_called(house) -> None:
    house.write_specs(lambda text: BREAKS["wrong unit"](text) + "\nalert_share: 0.9\n")
    arrive(house.lake, range(60))
    house.promote()

    result, errors = house.tick("quarantine_spikes")

    assert (result.asset_events[0].passed, errors) == (True, [])
    assert result.asset_events[0].metadata["shares"].value[0]["threshold"] == "90.0%"


def test_who_runs_what_is_due_by_hand_is_told_of_a_share_that_fails(house) -> None:
    house.write_specs(BREAKS["wrong unit"])
    arrive(house.lake, range(60))
    house.promote()

    (failed,) = look(house.definitions, house.instance)

    assert (failed.check_name, failed.metadata["runbook"].value) == (CHECK.name, RUNBOOK)
    assert look(house.definitions, house.instance) == [], "a batch is judged once"


def test_the_share_is_a_check_that_a_person_sees_and_can_run_and_no_lane_runs_it(house, request) -> None:
    assert (request.config.rootpath / RUNBOOK).is_file()
    dg.Definitions.validate_loadable(house.definitions)
    assert CHECK in house.definitions.get_repository_def().asset_graph.asset_check_keys
    assert CHECK not in house.definitions.resolve_job_def("silver_lane").asset_layer.asset_graph.asset_check_keys
