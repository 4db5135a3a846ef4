"""The ledger finds every kind of damage, and takes lag for what it is."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from quality.rules.ledger import Ledger, balance

STREAM = ("telemetry", "0", 0)
SCHEMA = pa.schema(
    [
        ("hub", pa.string()),
        ("partition_id", pa.string()),
        ("epoch", pa.int64()),
        ("sequence_number", pa.int64()),
        ("reason", pa.string()),
    ]
)


def rows(*numbers: int, reason: str = "above_range") -> pa.Table:
    named = [dict(zip(SCHEMA.names, (*STREAM, number, reason), strict=True)) for number in numbers]
    return pa.Table.from_pylist(named, schema=SCHEMA)


def ledger(**changed: Any) -> Ledger:
    """Events 0 to 5: 0, 1 accepted, 2 partial, 3 quarantined, 4 duplicate, 5 not yet processed."""
    given: dict[str, Any] = {
        "batch": 1,
        "watermark": {"telemetry/0/0": 4},
        "bronze": rows(0, 1, 2, 3, 4, 5),
        "readings": rows(0, 0, 1, 2),
        "quarantine": rows(2, 3),
        "duplicates": rows(4),
    }
    return balance(**{**given, **changed})


def test_good_tables_balance_and_every_event_has_one_outcome() -> None:
    found = ledger()
    assert found.balanced
    assert found.events == {"accepted": 3, "partial": 1, "quarantined": 1, "duplicate": 1}
    assert found.readings == {"accepted": 4, "quarantined": 2, "duplicate": 1}
    assert found.reasons == {"above_range": 2}


def test_lag_is_not_imbalance() -> None:
    found = ledger(bronze=rows(*range(100)))
    assert found.balanced
    assert found.streams[0].lag == 95


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"readings": rows(0, 2)}, "unaccounted"),
        ({"quarantine": rows(2)}, "unaccounted"),
        ({"duplicates": rows()}, "unaccounted"),
        ({"readings": rows(0, 1, 2, 77)}, "unfounded"),
        ({"bronze": rows(0, 2, 3, 4, 5)}, "missing"),
        ({"bronze": rows(0, 1, 1, 2, 3, 4, 5)}, "repeated"),
    ],
    ids=["reading lost", "reject lost", "duplicate lost", "reading of no event", "event lost", "event twice"],
)
def test_damage_is_found_and_named(changed: dict[str, pa.Table], fault: str) -> None:
    found = ledger(**changed)
    assert not found.balanced
    assert getattr(found.streams[0], fault) == 1


def gone(first: int, last: int, events: int) -> pa.Table:
    named = ("hub", "partition_id", "epoch", "first_sequence_number", "last_sequence_number", "events")
    return pa.Table.from_pylist([dict(zip(named, (*STREAM, first, last, events), strict=True))])


def test_a_recorded_loss_is_accounted_for_and_told() -> None:
    found = ledger(bronze=rows(0, 1, 2, 3, 4, 5, 9), lost=gone(6, 8, 3))
    assert found.balanced
    assert (found.streams[0].lost, found.streams[0].missing) == (3, 0)


def test_numbers_that_never_were_events_are_neither_lost_nor_missing() -> None:
    found = ledger(bronze=rows(0, 1, 2, 3, 4, 5, 9), lost=gone(6, 8, 0))
    assert found.balanced
    assert found.streams[0].lost == 0


@pytest.mark.parametrize(
    ("bronze", "recorded", "missing"),
    [((0, 1, 2, 3, 4, 5, 9), (6, 7), 1), ((0, 1, 2, 3, 4, 5, 7, 9), (6, 8), -1)],
    ids=["a part is not recorded", "an event is there after all"],
)
def test_a_record_that_is_not_the_hole_is_an_imbalance(bronze, recorded, missing) -> None:
    found = ledger(bronze=rows(*bronze), lost=gone(*recorded, recorded[1] - recorded[0] + 1))
    assert not found.balanced
    assert found.streams[0].missing == missing


def test_an_outcome_in_a_stream_bronze_does_not_have_is_unfounded() -> None:
    foreign = rows(0).set_column(2, "epoch", pa.array([7], pa.int64()))
    found = ledger(readings=pa.concat_tables([rows(0, 1, 2), foreign]))
    assert [line.unfounded for line in found.streams] == [0, 1]
    assert not found.balanced


def test_an_empty_lake_balances() -> None:
    assert ledger(watermark={}, bronze=rows(), readings=rows(), quarantine=rows(), duplicates=rows()).balanced


def test_duplicate_together_with_rejected_is_quarantined() -> None:
    found = ledger(quarantine=rows(2, 3, 4))
    assert found.events["quarantined"] == 2
    assert found.events["duplicate"] == 0
