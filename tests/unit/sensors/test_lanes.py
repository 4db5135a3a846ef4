"""One run of a lane at a time, later and later after failures, never stuck."""

from __future__ import annotations

import logging

import dagster as dg
import pytest

from sensors.lanes import ALERT_AT, BUSY, DUE, RUNBOOK, Turn, turn, warn_if_stuck

LANE = "gold_lane"
STATUS = dg.DagsterRunStatus


def judged(laptop, due: str = "work") -> Turn:
    return turn(laptop.instance, LANE, due)


def test_a_lane_without_history_may_go(laptop):
    assert judged(laptop) == Turn(may_go=True, attempt=0, after="")


# A queued run cannot be put into the history without a code location; the end-to-end test queues real ones.
@pytest.mark.parametrize("status", [status for status in BUSY if status is not STATUS.QUEUED], ids=str)
def test_a_lane_with_an_unfinished_run_waits(laptop, status):
    laptop.past_run(LANE, status)
    laptop.past_run(LANE, STATUS.SUCCESS)
    assert not judged(laptop).may_go
    assert "queued or running" in judged(laptop).why_not


def test_other_lanes_do_not_hold_a_lane_up(laptop):
    laptop.past_run("warm_lane", STATUS.STARTED)
    laptop.past_run("silver_lane", STATUS.FAILURE)
    assert judged(laptop).may_go


@pytest.mark.parametrize(("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (6, 15), (9, 15)])
def test_each_failure_in_a_row_makes_the_wait_longer_up_to_a_quarter_of_an_hour(
    laptop, minutes_later, failures, minutes
):
    for _ in range(failures):
        laptop.past_run(LANE, STATUS.FAILURE)
    minutes_later(minutes - 0.1)
    assert not judged(laptop).may_go
    assert f"failed {failures} time(s)" in judged(laptop).why_not
    minutes_later(minutes + 0.1)
    assert (judged(laptop).may_go, judged(laptop).attempt) == (True, failures)


def test_a_cancelled_run_counts_as_failed_and_a_success_wipes_the_slate(laptop, minutes_later):
    minutes_later(20)
    laptop.past_run(LANE, STATUS.FAILURE)
    laptop.past_run(LANE, STATUS.CANCELED)
    assert judged(laptop).attempt == 2
    laptop.past_run(LANE, STATUS.SUCCESS)
    assert judged(laptop).attempt == 0
    laptop.past_run(LANE, STATUS.FAILURE)
    assert judged(laptop).attempt == 1


def test_the_wait_counts_from_the_end_of_the_run_and_in_real_time(laptop, minutes_later, monkeypatch):
    monkeypatch.setenv("LAKE_CLOCK_START", "2019-01-01T00:00:00+00:00")

    @dg.op
    def fails() -> None:
        raise RuntimeError("no Kusto today")

    @dg.job(name=LANE)
    def lane() -> None:
        fails()

    lane.execute_in_process(instance=laptop.instance, raise_on_error=False)
    assert not judged(laptop).may_go
    minutes_later(1.1)
    assert judged(laptop).may_go


def test_success_that_leaves_the_same_work_due_is_not_asked_for_again_at_once(laptop, minutes_later):
    laptop.past_run(LANE, STATUS.SUCCESS, {DUE: "work"})
    assert (judged(laptop, "work").may_go, judged(laptop, "work").attempt) == (False, 1)
    assert judged(laptop, "more work").may_go
    minutes_later(1.1)
    assert judged(laptop, "work").may_go


def test_the_newest_run_is_named_so_that_a_run_key_cannot_come_again(laptop, minutes_later):
    minutes_later(20)
    names = {judged(laptop).after}
    for status in (STATUS.FAILURE, STATUS.SUCCESS, STATUS.FAILURE):
        run_id = laptop.past_run(LANE, status)
        assert judged(laptop).after == run_id[:8]
        names.add(judged(laptop).after)
    assert len(names) == 4


@pytest.mark.parametrize("attempt", [ALERT_AT - 1, ALERT_AT, ALERT_AT + 5])
def test_from_the_third_failure_on_a_person_is_called_and_told_where_to_read(laptop, caplog, attempt):
    with dg.build_sensor_context(instance=laptop.instance) as context, caplog.at_level(logging.ERROR):
        context.log.addHandler(caplog.handler)
        warn_if_stuck(context, LANE, Turn(may_go=False, attempt=attempt))
    assert (RUNBOOK in caplog.text) == (attempt >= ALERT_AT)


def test_the_runbook_exists(request):
    assert (request.config.rootpath / RUNBOOK).is_file()
