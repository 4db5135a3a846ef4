"""What a person asks of a lake: is all there, where did this event go, what was rejected and why."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from lake.store import Lake
from quality.contracts.reasons import CODES
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, EVENT_NAMES, QUARANTINE, READINGS
from settings.model import Settings

OUTCOMES = {
    "accepted": "r and not q",
    "partial": "r and q",
    "quarantined": "q and not r",
    "duplicate": "d and not r and not q",
}


@pytest.fixture(scope="session")
def events(demo) -> dict[str, str]:
    """One event of each outcome, found in the tables and not by the commands under test."""
    lake = Lake.of(Settings(home=demo.home, _env_file=None))
    query = " union all ".join(
        f"select {', '.join(EVENT_NAMES)}, '{kind}' as kind from {kind}" for kind in ("r", "q", "d")
    )
    found = {}
    with duckdb.connect() as db:
        for name, table in (("r", READINGS), ("q", QUARANTINE), ("d", DUPLICATES)):
            db.register(name, lake.rows(table, columns=EVENT_NAMES))
        for outcome, condition in OUTCOMES.items():
            row = db.execute(
                f"""
                select {", ".join(EVENT_NAMES)} from (
                    select {", ".join(EVENT_NAMES)}, bool_or(kind = 'r') as r, bool_or(kind = 'q') as q,
                        bool_or(kind = 'd') as d
                    from ({query}) group by all
                ) where {condition} order by all limit 1
                """
            ).fetchone()
            assert row is not None, f"the demo holds no event that is {outcome}"
            found[outcome] = "/".join(map(str, row))
    return found


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_trace_follows_an_event_to_where_it_ended(demo, terminal, events, outcome) -> None:
    event = events[outcome]

    traced = terminal.call(demo.home, "trace", event, "--json").json()

    stops = traced["stops"]
    assert (traced["event"], traced["found"], traced["outcome"]) == (event, True, outcome)
    assert len(stops["bronze.telemetry"]) == 1
    assert bool(stops["silver.readings"]) == (outcome in {"accepted", "partial"})
    assert bool(stops["silver.quarantine"]) == (outcome in {"quarantined", "partial"})
    if outcome == "duplicate":
        assert all(row["winner"].startswith("telemetry/") for row in stops["silver.duplicates"])
        assert event not in {row["winner"] for row in stops["silver.duplicates"]}
    for level in ("1m", "5m", "1h", "1d"):
        assert len(stops[f"gold.readings_{level}"]) == len(stops["silver.readings"])
    assert len(stops["warm.fct_readings_hourly"]) == len(stops["silver.readings"])
    for reading, day in zip(stops["silver.readings"], stops["gold.readings_1d"], strict=True):
        assert day["min_value"] <= reading["value"] <= day["max_value"]


def test_trace_for_people_names_event_outcome_and_tables(demo, terminal, events) -> None:
    said = terminal.call(demo.home, "trace", events["partial"])

    assert said.code == 0
    assert said.out.startswith(f"{events['partial']}: partial\n")
    for stop in ("bronze.telemetry", "silver.readings", "silver.quarantine", "gold.readings_1h", "warm.fct_readings"):
        assert stop in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("telemetry/0/0/999999", "of telemetry/0/0 it holds 0 to"),
        ("telemetry/9/0/0", "it holds telemetry/0/0, telemetry/1/0"),
        ("telemetry/0/0", "write hub/partition/epoch/sequence, e.g. telemetry/0/0/42"),
        ("[/]", "names no event"),
    ],
)
def test_trace_of_no_event_helps_and_ends_with_code_1(demo, terminal, event, says) -> None:
    said = terminal.call(demo.home, "trace", event)

    assert said.code == 1
    assert said.err.startswith("error: ")
    assert says in said.err
    assert said.out == ""


def test_ledger_balances_and_says_so_in_both_forms(demo, terminal) -> None:
    machine = terminal.call(demo.home, "ledger", "--json")
    person = terminal.call(demo.home, "ledger")

    assert (machine.code, person.code) == (0, 0)
    found = machine.json()
    assert found["balanced"] is True
    assert found["events"] == demo.said.json()["events"]
    assert sum(line["rows"] for line in found["streams"]) == terminal.events
    for line in found["streams"]:
        assert f"{line['stream']}" in person.out
    assert "NOT BALANCED" not in person.out
    assert max(map(len, person.out.splitlines())) <= 160


def test_a_ledger_without_one_event_of_bronze_ends_with_code_1_and_names_the_fault(demo, terminal, tmp_path) -> None:
    lake = tmp_path / "lake"
    _copy(demo.home / "lake", lake)
    Lake(str(lake)).open(BRONZE_TELEMETRY).delete("partition_id = '0' and sequence_number = 3")

    said = terminal.call(tmp_path, "ledger", LAKE_ROOT=str(lake))

    assert said.code == 1
    assert "NOT BALANCED" in said.out
    assert "missing: numbers the hub gave that Bronze does not hold" in said.err
    assert "unfounded: events in Silver that Bronze does not hold" in said.err


def test_quarantine_summary_counts_what_the_ledger_counts(demo, terminal) -> None:
    rows = terminal.call(demo.home, "quarantine", "summary", "--json").json()
    person = terminal.call(demo.home, "quarantine", "summary")

    counted: dict[str, int] = {}
    for row in rows:
        counted[row["reason"]] = counted.get(row["reason"], 0) + row["rows"]
    assert counted == demo.said.json()["quarantine_reasons"]
    for reason in counted:
        assert reason in person.out
        assert CODES[reason].do[:20] in person.out


def test_quarantine_list_narrows_to_what_is_asked_for(demo, terminal) -> None:
    rows = terminal.call(
        demo.home, "quarantine", "list", "--reason", "missing_field", "--mapping", "simulator_json", "--json"
    ).json()
    two = terminal.call(demo.home, "quarantine", "list", "--limit", "2", "--json").json()
    nothing = terminal.call(demo.home, "quarantine", "list", "--reason", "future")
    nonsense = terminal.call(demo.home, "quarantine", "list", "--reason", "bad-luck")

    assert rows
    assert {(row["reason"], row["mapping_id"]) for row in rows} == {("missing_field", "simulator_json")}
    assert len(two) == 2
    assert (nothing.code, nothing.err.strip()) == (0, "Nothing is in quarantine with reason future.")
    assert nonsense.code == 1
    assert "there are empty_body" in nonsense.err


def test_quarantine_show_gives_reason_bytes_and_advice(demo, terminal, events) -> None:
    event = events["quarantined"]

    rows = terminal.call(demo.home, "quarantine", "show", event, "--json").json()
    person = terminal.call(demo.home, "quarantine", "show", event)
    accepted = terminal.call(demo.home, "quarantine", "show", events["accepted"])

    assert {row["event"] for row in rows} == {event}
    assert (
        rows[0]["body"]
        == terminal.call(demo.home, "trace", event, "--json").json()["stops"]["bronze.telemetry"][0]["body"]
    )
    assert CODES[rows[0]["reason"]].do in person.out
    assert f"lakehouse trace {event}" in person.err
    assert accepted.code == 1
    assert f"follow it with: lakehouse trace {events['accepted']}" in accepted.err


def test_asking_leaves_the_lake_as_it_was(demo, terminal, events) -> None:
    before = _files(demo.home / "lake")

    for command in (("ledger",), ("trace", events["accepted"]), ("quarantine", "summary"), ("mapping", "list")):
        assert terminal.call(demo.home, *command).code == 0

    assert _files(demo.home / "lake") == before


def _files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


def test_mapping_test_tells_what_differs(terminal, tmp_path) -> None:
    spec = Path(__file__).parents[2] / "canonical" / "specs" / "simulator_json.yaml"
    broken = tmp_path / "broken.yaml"
    broken.write_text(spec.read_text().replace("value: 1013.25", "value: 1013.5"))

    good = terminal.call(tmp_path, "mapping", "test", str(spec))
    differs = terminal.call(tmp_path, "mapping", "test", str(broken))

    assert (good.code, differs.code) == (0, 1)
    assert "ok simulator_json: all four readings" in good.out
    assert "DIFFERS simulator_json: all four readings" in differs.out
    assert "1013.5" in differs.out


def test_what_is_sent_is_told_and_the_same_seed_gives_the_same_promise(terminal, tmp_path) -> None:
    assert terminal.call(tmp_path, "up", "--event-hubs-port", "0", "--kusto-port", "0").code == 0
    try:
        fleet = ("--events", "60", "--devices", "5", "--seed", "7")
        options = (*fleet, "--start", "2026-01-05T00:00:00", "--corrupt", "0.2")
        first = terminal.call(tmp_path, "simulate", *options, "--manifest", str(tmp_path / "1.jsonl"))
        second = terminal.call(tmp_path, "simulate", *options, "--manifest", str(tmp_path / "2.jsonl"))
        rows = tmp_path / "location_B.csv"
        rows.write_text("1, 2, 3\n\n4, 5, 6\n")
        replayed = terminal.call(tmp_path, "replay", str(rows), "--mapping", "room_climate", "--json")
        unknown = terminal.call(tmp_path, "replay", str(rows), "--mapping", "nonsense")
    finally:
        terminal.call(tmp_path, "down")

    assert (first.code, second.code) == (0, 0)
    assert "60 messages" in first.out
    promises = [[json.loads(line) for line in (tmp_path / f"{n}.jsonl").read_text().splitlines()] for n in (1, 2)]
    assert len(promises[0]) == 60
    outcomes = [[line["outcome"] for line in lines] for lines in promises]
    assert outcomes[0] == outcomes[1]
    assert "quarantined" in outcomes[0]
    assert replayed.json() == {"events": 2, "files": 1, "skipped": [], "blank": 1}
    assert unknown.code == 1
    assert "there are availability_zigbee2mqtt" in unknown.err
