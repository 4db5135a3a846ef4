from __future__ import annotations

import pytest
import structlog

from ingest_workers.lost import Gap, voids
from ingest_workers.sink import Sink
from lake.store import Lake
from quality.contracts.tables import LOST


def recorded(lake) -> list[tuple[str, int, int, int, str]]:
    columns = ("partition_id", "first_sequence_number", "last_sequence_number", "events", "why")
    return sorted(tuple(row[name] for name in columns) for row in lake.rows(LOST).to_pylist())


@pytest.fixture
def holed(sink, make_rows):
    """A flush that steps over 5, 6, 7 and over 10, 11."""
    sink.commit({"0": make_rows("0", range(5))})
    return {"0": make_rows("0", [8, 9, 12])}


def test_a_hole_is_a_row_and_said_once_whoever_commits_it_again(lake, sink, make_rows, holed):
    with structlog.testing.capture_logs() as said:
        sink.commit(holed)
        Sink(lake, "local", "telemetry", 0, "amqp").commit(holed)
        Sink(lake, "local", "telemetry", 0, "amqp").positions(["0"])
    assert recorded(lake) == [("0", 5, 7, 3, "expired"), ("0", 10, 11, 2, "expired")]
    errors = [line for line in said if line["log_level"] == "error"]
    assert [(line["first"], line["last"], line["events"]) for line in errors] == [(5, 7, 3), (10, 11, 2)]
    assert {line["recovers"] for line in errors} == {"needs you"}


def test_a_hole_that_could_not_be_recorded_is_recorded_with_the_next_commit(lake, sink, make_rows, holed, monkeypatch):
    opened = Lake.open

    def down(self, table, version=None):
        if table is LOST:
            raise OSError("no route")
        return opened(self, table, version)

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "open", down)
        assert sink.commit(holed).rows == 3
    sink.commit({"0": make_rows("0", [13])})
    assert recorded(lake) == [("0", 5, 7, 3, "expired"), ("0", 10, 11, 2, "expired")]


def test_a_hole_whose_worker_was_killed_before_it_was_recorded_is_found_by_the_next(lake, sink, holed, monkeypatch):
    monkeypatch.setattr(Sink, "_record", lambda self, found: None)
    sink.commit(holed)
    assert not lake.exists(LOST)
    monkeypatch.undo()
    Sink(lake, "local", "telemetry", 0, "amqp").positions(["0"])
    assert recorded(lake) == [("0", 5, 7, 3, "expired"), ("0", 10, 11, 2, "expired")]


def test_numbers_that_never_were_events_are_recorded_and_are_no_loss(lake, sink, make_rows):
    sink.commit({"0": make_rows("0", range(5))})
    events = make_rows("0", [5, 8, 12])
    events.void = [(6, 7)]
    outcome = sink.commit({"0": events})
    assert outcome.gaps == [Gap("0", 9, 11)]
    assert recorded(lake) == [("0", 6, 7, 0, "void"), ("0", 9, 11, 3, "expired")]


@pytest.mark.parametrize(
    ("void", "held", "left"),
    [
        ([(6, 7)], 4, [Gap("0", 6, 7, "void")]),
        ([(2, 3)], 4, []),
        ([(3, 7)], 4, [Gap("0", 5, 7, "void")]),
        ([(20, 25)], 4, []),
        ([(6, 7), (6, 7)], None, [Gap("0", 6, 7, "void")]),
    ],
    ids=["past the fence", "before it", "across it", "past the flush", "named twice"],
)
def test_only_the_void_of_this_commit_is_recorded(make_rows, void, held, left):
    events = make_rows("0", [5, 8, 12])
    events.void = void
    assert voids(events, held) == left
