"""The lane as Dagster runs it: a sensor that remembers nothing, one run, and checks that block."""

from __future__ import annotations

import json
from collections.abc import Iterator

import dagster as dg
import pytest
from typer.testing import CliRunner

from assets.described import key_of
from assets.silver.entities import build as building
from assets.silver.entities import checks
from assets.silver.entities.checks import judged
from orchestration.build import build_defs
from orchestration.cli.main import app
from quality.contracts.domain_tables import WHOLE
from quality.contracts.entities import CLIENT, ENGAGEMENT, ENTITIES
from quality.contracts.entity_tables import BRONZE_FILES, ENTITY_FILES, ENTITY_TABLES
from sensors.lanes import DUE

CLIENTS = "Client ID,Client Name\n"


class Lane:
    """The sensor and the job of one lake, ticked as the daemon ticks them."""

    def __init__(self, settings, instance: dg.DagsterInstance) -> None:
        self.definitions = build_defs(settings)
        self.instance = instance

    def tick(self) -> dg.SensorResult:
        repository = self.definitions.get_repository_def()
        sensor = repository.get_sensor_def("landing_files")
        resources = self.definitions.resources or {}
        with dg.build_sensor_context(
            instance=self.instance,
            repository_def=repository,
            resources={key: resources[key] for key in sensor.required_resource_keys},
        ) as context:
            return sensor.evaluate_tick(context)

    def run(self) -> dg.ExecuteInProcessResult:
        (request,) = self.tick().run_requests or ()
        return self.definitions.resolve_job_def("entities_lane").execute_in_process(
            instance=self.instance, tags=request.tags, raise_on_error=False
        )


@pytest.fixture
def lane(estate) -> Iterator[Lane]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Lane(estate.settings, instance)


def test_what_lands_is_run_once_and_reported(estate, lane) -> None:
    assert "nothing has landed" in (lane.tick().skip_message or "")
    estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,Ann\n,Nobody\n")
    done = lane.run()
    assert done.success
    told = {event.asset_key: event.materialization.metadata for event in done.get_asset_materialization_events()}
    assert set(told) == {key_of(table) for table in (*ENTITY_TABLES, *WHOLE)}
    assert told[key_of(BRONZE_FILES)]["files"].value == "crm/clients-2026-03-01.csv"
    ledger = {name: value.value for name, value in told[key_of(ENTITY_FILES)].items() if name.startswith("ledger_")}
    assert (ledger["ledger_rows"], ledger["ledger_accepted"], ledger["ledger_quarantined"]) == (2, 1, 1)
    evaluated = done.get_asset_check_evaluations()
    assert all(evaluation.passed for evaluation in evaluated)
    assert len(evaluated) == len(lane.definitions.get_repository_def().asset_graph.get_check_keys_for_assets(set(told)))
    assert "every landed file" in (lane.tick().skip_message or "")


def test_a_build_that_nobody_judged_is_due_again(estate, lane) -> None:
    estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,Ann\n")
    estate.take()
    built = estate.build()  # and the process ends before its checks
    assert not judged(lane.instance, estate.lake, built.build)
    assert lane.run().success
    assert judged(lane.instance, estate.lake, built.build + 1)
    assert "every landed file" in (lane.tick().skip_message or "")


def test_a_ledger_that_does_not_balance_fails_the_run_and_is_not_forgotten(estate, lane, monkeypatch) -> None:
    estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,Ann\n")
    account = building._account

    def miscounted(db) -> None:
        db.execute("update line set row_count = row_count + 1")
        account(db)

    monkeypatch.setattr(building, "_account", miscounted)
    assert not lane.run().success
    assert "failed 1 time(s)" in (lane.tick().skip_message or "")
    assert not judged(lane.instance, estate.lake, 1)


def test_the_same_due_work_is_asked_for_under_the_same_name(estate, lane) -> None:
    estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,Ann\n")
    first, again = (lane.tick().run_requests[0] for _ in range(2))
    assert (first.run_key, first.tags[DUE]) == (again.run_key, again.tags[DUE])
    estate.put("crm/clients-2026-03-02.csv", f"{CLIENTS}C-1,Ann\n")
    assert lane.tick().run_requests[0].tags[DUE] != first.tags[DUE]


def test_foreign_keys_and_spans_are_judged_from_the_tables(estate) -> None:
    estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,Ann\n")
    head = "Engagement ID,Client ID,Engagement Name,Start\n"
    estate.put("crm/engagements-2026-03-01.csv", f"{head}E-1,C-1,Roof,2026-03-01\n")
    estate.take()
    estate.build()
    assert all(result.passed for entity in ENTITIES for result in checks.results_of(estate.lake, entity))
    estate.lake.open(CLIENT.table).delete()
    failed = [result.check_name for result in checks.results_of(estate.lake, ENGAGEMENT) if not result.passed]
    assert failed == [checks.PARENTS]


def test_a_file_is_landed_and_looked_at_from_the_command_line(estate, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LAKE_HOME", str(estate.settings.home))
    monkeypatch.setenv("LAKE_LANDING_SETTLE_SECONDS", "0")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "clients.csv"
    file.write_text(f"{CLIENTS}C-1,Ann\nC-2,\n")

    def run(*arguments: str) -> object:
        done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout[done.stdout.index("[") :])

    (line,) = run("land", str(file), "--feed", "crm", "--as", "clients-2026-03-01.csv")
    assert (line["row_count"], line["accepted"], line["reasons"]) == (2, 1, {"missing_field": 1})
    told = {row["entity"]: row for row in run("entities", "summary")}
    assert (told["client"]["current"], told["client"]["quarantined"]) == (1, 1)
    assert [row["entity_key"] for row in run("entities", "rejected", "--entity", "client")] == ["C-2"]
    assert [row["name"] for row in run("entities", "history", "client", "C-1")] == ["Ann"]
    assert [row["path"] for row in run("entities", "files")] == ["clients-2026-03-01.csv"]
    assert all(row["differences"] == [] for row in run("entities", "test"))
    for wrong in (("history", "cleint", "C-1"), ("history", "client", "C-1", "x"), ("rejected", "--reason", "x")):
        with pytest.raises(ValueError, match="there (is|are)|the key of client is client_id"):
            CliRunner().invoke(app, ["entities", *wrong], catch_exceptions=False)
