"""What `lakehouse demo` prints, and the exit code it ends with, for what a demo found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration import demo
from orchestration.cli.main import app
from quality.rules.ledger import Ledger, StreamLine
from simulator.manifest import Totals

EVENTS = {"accepted": 9, "partial": 1, "quarantined": 1, "duplicate": 0}
LINE = StreamLine(
    stream="telemetry/0/0",
    first=0,
    last=9,
    rows=10,
    repeated=0,
    missing=0,
    lag=0,
    unaccounted=0,
    unfounded=0,
    **EVENTS,
)
LEDGER = Ledger(batch=1, streams=(LINE,), readings={"accepted": 31}, reasons={"invalid_json": 2})
FOUND = demo.Outcome(
    lake=Path("somewhere/lake"),
    events_sent=10,
    bronze_rows=10,
    gold={"readings_1h": 4},
    warm={"fct_readings_hourly": 4},
    seconds=dict.fromkeys((*demo.PHASES, "total"), 1.0),
    ledger=LEDGER,
    expected=Totals(events_sent=10, events=EVENTS, readings=LEDGER.readings, reasons=LEDGER.reasons),
)
UNBALANCED = replace(FOUND, ledger=replace(LEDGER, streams=(replace(LINE, missing=1),)))
UNPROMISED = replace(FOUND, disagreements=["events accepted: manifest says 10, found 9"])


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """`lakehouse demo` with what it found given, so that no demo has to run."""

    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it, and so narrow that cells are folded

    def ask(found: demo.Outcome, *arguments: str):
        monkeypatch.setattr(demo, "run", lambda *_: found)
        return CliRunner().invoke(app, ["demo", "--dir", str(tmp_path / "new"), *arguments], catch_exceptions=False)

    return ask


@pytest.mark.parametrize(("found", "code"), [(FOUND, 0), (UNBALANCED, 1), (UNPROMISED, 1)])
def test_the_exit_code_is_the_verdict_and_json_says_which(asked, found, code) -> None:
    said = asked(found, "--json")

    assert said.exit_code == code
    told = json.loads(said.stdout)
    assert told["ledger_balanced"] is (found is not UNBALANCED)
    assert told["manifest_matched"] is (found is not UNPROMISED)


@pytest.mark.parametrize(
    ("found", "code", "says"),
    [
        (FOUND, 0, ("every event is accounted for", "what the simulator's manifest promised")),
        (UNBALANCED, 1, ("THE LEDGER DOES NOT BALANCE", "NOT BALANCED", "missing")),
        (UNPROMISED, 1, ("differs: events accepted: manifest says 10, found 9", "The ledger balances")),
        (replace(FOUND, expected=None), 0, ("The ledger balances",)),
    ],
)
def test_people_are_told_the_verdict_in_a_sentence(asked, found, code, says) -> None:
    said = asked(found)

    assert said.exit_code == code
    for part in says:
        assert part in said.stdout
    assert ("manifest promised" in said.stdout) == (found is FOUND or found is UNBALANCED)


def test_who_interrupts_is_told_what_is_left(monkeypatch, tmp_path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupted)
    said = CliRunner().invoke(app, ["demo", "--dir", str(tmp_path / "new")])

    assert said.exit_code == 130
    assert f"what was made so far is in {tmp_path / 'new'}" in said.stderr.replace("\n", "")
