from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from simulator.faults import FaultRates
from simulator.manifest import Expected, Manifest, Totals, summary
from simulator.plan import SimulationOptions, slices

OPTIONS = SimulationOptions(
    devices=6,
    events=2000,
    start=datetime(2026, 3, 1, tzinfo=UTC),
    faults=FaultRates(corrupt=0.05, duplicate=0.05, conflict=0.05, out_of_range=0.05, late=0.05, missing_field=0.05),
)


def written(path):
    with Manifest(path) as manifest:
        for piece in slices(OPTIONS):
            devices = [OPTIONS.fleet.device(n) for n in piece.devices]
            names, formats = [device.native_id for device in devices], [device.format for device in devices]
            manifest.record(names, formats, piece.message_ids, piece.promises)
    return manifest.totals


@pytest.mark.parametrize("name", ["manifest.jsonl", "manifest.jsonl.gz"])
def test_what_is_read_back_adds_up_to_what_was_written(tmp_path, name):
    path = tmp_path / "made" / name
    totals = written(path)
    text = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    rows = [json.loads(line) for line in text.splitlines()]

    assert len(rows) == len({row["message_id"] for row in rows}) == 2000
    outcomes = Counter(row["outcome"] for row in rows)
    assert totals.events == {
        "accepted": outcomes["accepted"] + outcomes["partial"],
        "partial": outcomes["partial"],
        "quarantined": outcomes["quarantined"],
        "duplicate": outcomes["duplicate"],
    }
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(row["reasons"])
        assert sum(row["reasons"].values()) == row["quarantined"]
    assert totals.reasons == dict(reasons)
    assert totals.readings == {k: sum(row[k] for row in rows) for k in ("accepted", "quarantined", "duplicate")}
    assert totals.faults == dict(Counter(row["fault"] for row in rows if row["fault"]))
    assert summary(path) == totals


def test_a_line_names_event_fault_and_promise(tmp_path):
    promise = Expected(outcome="partial", accepted=3, quarantined=1, reason="unit_mismatch", fault="wrong_unit")
    with Manifest(tmp_path / "m.jsonl") as manifest:
        manifest.record(["sim-00001"], ["json"], ["run-1"], [promise])

    assert json.loads((tmp_path / "m.jsonl").read_text()) == {
        "message_id": "run-1",
        "device": "sim-00001",
        "format": "json",
        "fault": "wrong_unit",
        "outcome": "partial",
        "accepted": 3,
        "quarantined": 1,
        "duplicate": 0,
        "reasons": {"unit_mismatch": 1},
    }


def test_the_same_run_writes_the_same_bytes(tmp_path):
    written(tmp_path / "one.jsonl.gz")
    written(tmp_path / "two.jsonl.gz")

    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.jsonl.gz"])
def test_a_run_of_nothing_has_a_manifest_of_nothing(tmp_path, name):
    with Manifest(tmp_path / name):
        pass

    assert summary(tmp_path / name) == Totals()


def test_without_a_path_it_only_counts(tmp_path):
    assert written(None) == written(tmp_path / "m.jsonl")


def test_a_manifest_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="simulate --manifest"):
        summary(tmp_path / "m.jsonl")


@pytest.mark.parametrize(
    "given",
    [
        {"outcome": "quarantined", "quarantined": 1, "reason": "bad_mood"},
        {"outcome": "quarantined", "quarantined": 1},
        {"outcome": "accepted", "accepted": 1, "reason": "conflict"},
    ],
)
def test_a_promise_in_words_nobody_knows_is_refused(given):
    with pytest.raises(ValueError):
        Expected(**given)
