"""What makes a demo good, and the folder it may use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.demo import Outcome, _disagreements, fresh_folder
from quality.rules.ledger import Ledger, StreamLine
from simulator.manifest import Totals

LINE = StreamLine(
    stream="telemetry/0/0",
    first=0,
    last=9,
    rows=10,
    repeated=0,
    missing=0,
    lag=0,
    accepted=8,
    partial=1,
    quarantined=1,
    duplicate=1,
    unaccounted=0,
    unfounded=0,
)
LEDGER = Ledger(
    batch=1,
    streams=(LINE,),
    readings={"accepted": 31, "quarantined": 2, "duplicate": 4},
    reasons={"invalid_json": 1, "above_range": 1},
)
PROMISED = Totals(events_sent=10, events=LEDGER.events, readings=dict(LEDGER.readings), reasons=dict(LEDGER.reasons))


def _outcome(ledger: Ledger = LEDGER, **more: object) -> Outcome:
    return Outcome(lake=Path("lake"), **{"events_sent": 10, "bronze_rows": 10, "ledger": ledger, **more})


def test_a_demo_is_good_when_the_ledger_balances_and_every_promise_is_kept() -> None:
    outcome = _outcome(expected=PROMISED)

    assert list(_disagreements(outcome, LEDGER)) == []
    assert outcome.good
    assert outcome.as_json()["manifest_matched"] is True


@pytest.mark.parametrize("fault", ["missing", "repeated", "unaccounted", "unfounded"])
def test_a_ledger_that_does_not_balance_is_not_good(fault) -> None:
    assert not _outcome(replace(LEDGER, streams=(replace(LINE, **{fault: 1}),))).good


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bronze_rows": 9}, "10 events were sent, Bronze holds 9"),
        (
            {"ledger": replace(LEDGER, streams=(replace(LINE, lag=2, accepted=6),))},
            "2 events of Bronze are not in Silver",
        ),
        (
            {"expected": replace(PROMISED, reasons={"invalid_json": 2, "above_range": 1})},
            "quarantine invalid_json: manifest says 2, found 1",
        ),
        ({"expected": replace(PROMISED, reasons={"above_range": 1})}, "manifest says 0, found 1"),
        ({"expected": replace(PROMISED, readings={**PROMISED.readings, "duplicate": 5})}, "readings duplicate"),
        ({"expected": replace(PROMISED, events={**PROMISED.events, "partial": 0})}, "events partial"),
    ],
)
def test_a_broken_promise_is_one_sentence(change, says) -> None:
    outcome = _outcome(**{"expected": PROMISED, **change})

    outcome.disagreements = list(_disagreements(outcome, outcome.ledger))

    assert any(says in sentence for sentence in outcome.disagreements)
    assert not outcome.good


def test_real_files_promise_nothing() -> None:
    outcome = _outcome()

    assert outcome.good
    assert outcome.as_json()["manifest_matched"] is None


def test_a_demo_starts_in_an_empty_folder(tmp_path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()

    assert fresh_folder(tmp_path / "new" / "deep", tmp_path).is_dir()
    assert fresh_folder(None, tmp_path).parent == tmp_path / "demo"
    with pytest.raises(FileExistsError, match="not empty"):
        fresh_folder(tmp_path / "full", tmp_path)
    with pytest.raises(FileExistsError, match="is a file"):
        fresh_folder(tmp_path / "full" / "something", tmp_path)
