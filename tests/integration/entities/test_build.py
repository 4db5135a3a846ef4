"""From Bronze to the entities: every row accounted for, the same in any order, and through any crash."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import duckdb
import pytest

from assets.silver.entities import build as building
from assets.silver.entities import reader
from assets.silver.entities.checks import results_of
from assets.silver.entities.ledger import entity_ledger
from assets.silver.entities.read import as_of, current, devices, versions
from assets.silver.entities.report import counts
from assets.silver.entities.state import BUILT, complete, last, plan, why_due
from lake.fence import append
from quality.contracts.entities import CLIENT, ENGAGEMENT, IOT_DEVICE
from quality.contracts.entity_tables import ENTITY_BUILDS, ENTITY_FILES, ENTITY_QUARANTINE, ENTITY_ROWS
from simulator.entities import EntityOptions, simulate_entities

CLIENTS = "Client ID,Client Name\n"


def _everything(estate) -> dict[str, list]:
    return {table.path: estate.rows(table) for table in BUILT}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("simulated")
    return folder, simulate_entities(EntityOptions(folder=folder, clients=6, days=2))


def test_simulated_extracts_come_to_what_their_answer_key_says(estate, simulated) -> None:
    folder, answers = simulated
    shutil.copytree(folder, estate.landing.root)
    estate.take()
    estate.build()
    found = {
        (f"{row['feed']}/{row['path']}", row["entity"]): (row["accepted"], dict(row["reasons"]))
        for row in estate.lake.rows(ENTITY_FILES).to_pylist()
    }
    assert found == {(file["file"], file["entity"]): (file["accepted"], file["reasons"]) for file in answers["files"]}
    told = {row["entity"]: {"current": row["current"], "versions": row["versions"]} for row in counts(estate.lake)}
    assert {name: told[name] for name in answers["entities"]} == answers["entities"]
    ledger = entity_ledger(estate.lake)
    assert ledger.balanced
    assert ledger.rows == sum(file["accepted"] + sum(file["reasons"].values()) for file in answers["files"])


def test_files_landed_one_by_one_in_any_order_give_what_all_at_once_give(estate, other, simulated) -> None:
    folder, _ = simulated
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    shutil.copytree(folder, estate.landing.root)
    estate.take()
    estate.build()
    random.Random(7).shuffle(files)
    for group in (files[:11], files[11:]):
        for file in group:
            target = Path(other.landing.root, file.relative_to(folder))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
        other.take()
        other.build()
        assert entity_ledger(other.lake).balanced
    assert _everything(other) == _everything(estate)


def test_a_child_heals_when_its_parent_lands(estate) -> None:
    estate.put(
        "crm/engagements-2026-03-01.csv", "Engagement ID,Client ID,Engagement Name,Start\nE-1,C-1,Roof,2026-03-01\n"
    )
    estate.take()
    estate.build()
    (refused,) = estate.lake.rows(ENTITY_QUARANTINE).to_pylist()
    assert (refused["reason"], refused["field"], refused["value"]) == ("unknown_parent", "client_id", "C-1")
    assert json.loads(refused["raw"]) == ["E-1", "C-1", "Roof", "2026-03-01"]
    estate.put("crm/clients-2026-03-05.csv", f"{CLIENTS}C-1,Ann\n")
    estate.take()
    estate.build()
    assert estate.rows(ENTITY_QUARANTINE) == []
    assert estate.rows(ENGAGEMENT.table, "engagement_id") == ["E-1"]


def test_a_corrected_file_of_the_same_name_takes_the_place_of_the_wrong_one(estate) -> None:
    for at, name in ((1000, "Anm"), (2000, "Ann")):
        estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,{name}\n", at=at)
        estate.take()
        estate.build()
    assert estate.rows(CLIENT.table, "name") == ["Ann"]
    faults = [row["fault"] for row in estate.lake.rows(ENTITY_FILES).to_pylist()]
    assert sorted(map(str, faults)) == ["None", "replaced"]
    assert entity_ledger(estate.lake).balanced


def test_a_file_that_nothing_reads_is_refused_and_heals_when_a_spec_does(estate, tmp_path) -> None:
    estate.put("crm/clients-2026-03-01.csv", "Customer No,Client Name\nC-1,Ann\n")
    estate.take()
    estate.build()
    (refused,) = estate.lake.rows(ENTITY_QUARANTINE).to_pylist()
    assert (refused["reason"], refused["row_number"], refused["mapping_id"]) == ("no_mapping", 0, "")
    assert entity_ledger(estate.lake).balanced
    assert why_due(estate.lake, estate.specs) == ""
    old = next(spec for spec in estate.specs if spec.id == "crm_client")
    said = old.model_dump(mode="json", by_alias=True)
    said["match"]["columns"][0].append("Customer No")
    said["columns"][0]["from"].append("Customer No")
    estate.specs = (type(old).model_validate(said),)
    assert why_due(estate.lake, estate.specs) == "entity mapping specs changed"
    estate.build()
    assert estate.rows(CLIENT.table, "client_id", "name") == [("C-1", "Ann")]
    assert estate.rows(ENTITY_QUARANTINE) == []


def test_a_table_that_comes_out_as_it_was_is_not_written_again(estate) -> None:
    estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,Ann\n")
    estate.take()
    estate.build()
    files = estate.lake.open(CLIENT.table).file_uris()
    estate.put("hris/employees_2026-03-01.csv", "Employee ID,Name,Hire date\nP-1,Ada,2020-01-01\n")
    estate.take()
    built = estate.build()
    assert "silver/employee" in built.written
    assert "silver/client" not in built.written
    assert estate.lake.open(CLIENT.table).file_uris() == files
    assert complete(estate.lake) == built.build == 2


class Killed(BaseException):
    """The process ends here."""


POINTS = ("entities.before_plan", "entities.after_plan", "entities.after_client", "entities.after_entity_rows")


def test_a_build_cut_short_anywhere_is_made_good_by_the_next(estate, other, monkeypatch) -> None:
    def land(one, day: int) -> None:
        one.put(f"crm/clients-2026-03-0{day}.csv", f"{CLIENTS}C-1,Ann {day}\n,Nobody\n", at=1000 + day)
        one.take()

    for day, point in enumerate(POINTS, 1):
        land(estate, day)

        def reach(at: str, point: str = point) -> None:
            if at == point:
                raise Killed

        monkeypatch.setattr(building, "reach", reach)
        with pytest.raises(Killed):
            estate.build()
        monkeypatch.undo()
        assert why_due(estate.lake, estate.specs) != "" or point == "entities.before_plan"
        estate.build()
        assert why_due(estate.lake, estate.specs) == ""
        assert entity_ledger(estate.lake).balanced
    for day in range(1, len(POINTS) + 1):
        land(other, day)
    other.build()
    assert _everything(estate) == _everything(other)


def test_a_slow_build_does_not_undo_a_later_one(estate, monkeypatch) -> None:
    """The slow one has planned; a whole later build happens before it writes."""
    estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,Ann\n")
    estate.take()
    slow = plan(estate.lake, estate.specs)
    estate.put("crm/clients-2026-03-02.csv", f"{CLIENTS}C-1,Anna\n")
    estate.take()
    estate.build()
    wanted = _everything(estate)
    monkeypatch.setattr(building, "plan", lambda lake, specs: slow)
    built = estate.build()
    assert (built.build, built.written) == (1, ())
    assert _everything(estate) == wanted
    assert estate.rows(ENTITY_BUILDS, "build") == [1, 2]
    assert (last(estate.lake) or {})["build"] == 2


@pytest.mark.parametrize("table", [ENTITY_ROWS, ENTITY_QUARANTINE, ENTITY_FILES, CLIENT.table], ids=lambda t: t.name)
def test_the_ledger_sees_a_row_too_few_and_a_row_too_many(estate, table) -> None:
    estate.put("crm/clients-2026-03-01.csv", f"{CLIENTS}C-1,Ann\n,Nobody\n")
    estate.take()
    estate.build()
    rows = estate.lake.rows(table)
    assert entity_ledger(estate.lake).balanced
    estate.lake.open(table).delete()
    assert not entity_ledger(estate.lake).balanced
    append(estate.lake, table, rows)
    assert entity_ledger(estate.lake).balanced
    append(estate.lake, table, rows)
    if table == CLIENT.table:  # a version twice is what the check of keys is for
        assert [result.passed for result in results_of(estate.lake, CLIENT)] == [False]
    else:
        assert not entity_ledger(estate.lake).balanced


def test_the_register_as_rules_read_it(estate) -> None:
    assert devices(estate.lake).num_rows == 0
    head = "id,status,room,interval_s\n"
    estate.put("device_register/hall/2026-03-01.csv", f"{head}a,installed,1.07,900\nb,planned,1.08,\n")
    estate.put("device_register/hall/2026-04-01.csv", f"{head}a,lost,1.07,900\nb,installed,1.08,\n")
    estate.take()
    estate.build()
    columns = ["device_id", "location", "expected_to_report", "interval_s"]
    assert devices(estate.lake).select(columns).sort_by("device_id").to_pylist() == [
        dict(zip(columns, row, strict=True))
        for row in (("hall:a", "1.07", False, 900.0), ("hall:b", "1.08", True, None))
    ]
    march = versions(estate.lake, IOT_DEVICE, {"device_id": "hall:a"})["valid_from"][0].as_py()
    then = {row["device_id"]: row["expected_to_report"] for row in devices(estate.lake, march).to_pylist()}
    assert then == {"hall:a": True, "hall:b": False}
    assert as_of(estate.lake, IOT_DEVICE, march.replace(year=2020)).num_rows == 0
    assert current(estate.lake, IOT_DEVICE, ["device_id"]).num_rows == 2


def test_a_file_whose_rows_break_the_engine_is_refused_alone(estate, monkeypatch) -> None:
    for day in range(1, 6):
        estate.put(f"crm/clients-2026-03-0{day}.csv", f"{CLIENTS}C-{day},Ann\n")
    estate.take()
    judge = reader.judge_rows

    def broken(db, reads):
        if any(read.effective_at.day == 4 for read in reads):
            raise duckdb.ConversionException("out of range")
        return judge(db, reads)

    monkeypatch.setattr(reader, "judge_rows", broken)
    estate.build()
    lines = {row["path"][-6:-4]: row["fault"] for row in estate.lake.rows(ENTITY_FILES).to_pylist()}
    assert lines == {"01": None, "02": None, "03": None, "04": "bad_file", "05": None}
    assert len(estate.rows(CLIENT.table, "client_id")) == 4
    assert entity_ledger(estate.lake).balanced
