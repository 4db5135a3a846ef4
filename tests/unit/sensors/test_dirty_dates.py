"""Dirty dates become few runs, and nothing unbalanced or unjudged goes further up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from assets.silver import judged
from assets.silver.batches import dates_touched
from quality.contracts.tables import READINGS
from sensors.dirty_dates import GAP, PER_TICK, ranges

DAY = date(2026, 3, 31)
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def days(*offsets: int) -> dict[date, int]:
    return {DAY + timedelta(days=offset): 1 for offset in offsets}


def asked(result) -> list[tuple[str, str]]:
    return [(request.tags[RANGE[0]], request.tags[RANGE[1]]) for request in result.run_requests]


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        (days(), []),
        (days(0), [(0, 0)]),
        (days(0, 1, 2), [(0, 2)]),
        (days(5, 0), [(0, 5)]),
        (days(0, GAP.days), [(0, GAP.days)]),
        (days(0, GAP.days + 1), [(0, 0), (GAP.days + 1, GAP.days + 1)]),
        (days(400, 0, 3, 401), [(0, 3), (400, 401)]),
    ],
)
def test_near_dates_share_a_run_and_far_ones_do_not(dirty, expected):
    assert ranges(dirty) == [(DAY + timedelta(days=a), DAY + timedelta(days=b)) for a, b in expected]


def test_a_tick_starts_the_oldest_ranges_and_no_more_than_it_may(laptop):
    for n in range(PER_TICK + 2):
        laptop.arrive([n], noon(-100 * n))
    assert laptop.promote().success
    result = laptop.tick("gold_dirty_dates")
    oldest = sorted(dates_touched(laptop.lake, 99))[:PER_TICK]
    assert asked(result) == [(day.isoformat(), day.isoformat()) for day in oldest]
    assert len({request.run_key for request in result.run_requests}) == PER_TICK


def noon(offset: int) -> datetime:
    return datetime(2026, 3, 31, 12, tzinfo=UTC) + timedelta(days=offset)


def test_only_what_the_lower_tier_changed_since_is_due(laptop):
    laptop.arrive([1])
    assert laptop.promote().success
    assert asked(laptop.tick("gold_dirty_dates")) == [("2026-03-31", "2026-03-31")]
    laptop.gold_has(DAY, 1)
    result = laptop.tick("gold_dirty_dates")
    assert (asked(result), result.skip_message) == ([], "no date is dirty")
    assert asked(laptop.tick("quality_dirty_dates")) == [("2026-03-31", "2026-03-31")]
    assert asked(laptop.tick("warm_dirty_dates")) == [("2026-03-31", "2026-03-31")]
    laptop.arrive([2])
    assert laptop.promote().success
    assert asked(laptop.tick("gold_dirty_dates")) == [("2026-03-31", "2026-03-31")]


def test_a_lane_whose_run_failed_tries_the_same_dates_again_later_under_another_key(laptop, minutes_later):
    laptop.arrive([1])
    assert laptop.promote().success
    (first,) = laptop.tick("gold_dirty_dates").run_requests
    laptop.past_run("gold_lane", dg.DagsterRunStatus.FAILURE, first.tags)
    waiting = laptop.tick("gold_dirty_dates")
    assert (asked(waiting), "next try at" in waiting.skip_message) == ([], True)
    minutes_later(1.1)
    (second,) = laptop.tick("gold_dirty_dates").run_requests
    assert second.tags == first.tags
    assert second.run_key != first.run_key


def test_dates_that_lie_after_tomorrow_wait_and_hold_nothing_else_up(laptop):
    laptop.arrive([1])
    laptop.arrive([2], noon(365 * 30))
    assert laptop.promote().success
    assert asked(laptop.tick("gold_dirty_dates")) == [("2026-03-31", "2026-03-31")]
    laptop.gold_has(DAY, 1)
    assert laptop.tick("gold_dirty_dates").skip_message == "no date is dirty"


def break_the_ledger(laptop) -> None:
    """Loses an accepted row, as a bug or a hand would."""
    laptop.lake.open(READINGS).delete("sequence_number = 1")


def test_nothing_is_promoted_while_the_ledger_does_not_balance_however_often_silver_runs(laptop, minutes_later):
    minutes_later(60)
    laptop.arrive([1, 2])
    assert laptop.promote().success
    break_the_ledger(laptop)
    laptop.arrive([3])
    assert not laptop.promote().success
    for _ in range(2):
        for lane in ("gold_dirty_dates", "quality_dirty_dates", "warm_dirty_dates"):
            result = laptop.tick(lane)
            assert asked(result) == []
            assert "lakehouse ledger" in result.skip_message
        assert not laptop.promote().success, "a run that finds nothing new must not pass for a good verdict"


def test_recomputing_the_hour_mends_the_ledger_and_promotion_goes_on(laptop, minutes_later):
    minutes_later(60)
    laptop.arrive([1, 2])
    assert laptop.promote().success
    break_the_ledger(laptop)
    laptop.arrive([3])
    assert not laptop.promote().success
    assert laptop.run("silver_lane", dict.fromkeys(RANGE, "2026-03-31-12")).success
    assert asked(laptop.tick("gold_dirty_dates")) == [("2026-03-31", "2026-03-31")]


def killed(*_) -> None:
    """Stands for a process that dies between its last commit and its checks: nobody tries the step again."""
    raise dg.Failure("killed", allow_retries=False)


def test_a_batch_whose_run_was_killed_before_its_check_is_judged_before_it_goes_up(laptop, minutes_later, monkeypatch):
    minutes_later(60)
    laptop.arrive([1])
    assert laptop.promote().success
    laptop.arrive([2])
    with monkeypatch.context() as patched:
        patched.setattr("assets.silver.asset._report", killed)
        assert not laptop.promote().success
    assert "has not been judged" in laptop.tick("gold_dirty_dates").skip_message
    assert judged.unjudged_hours(laptop.instance, laptop.lake) == ["2026-03-31-12"]
    assert laptop.promote().success
    assert asked(laptop.tick("gold_dirty_dates")) == [("2026-03-31", "2026-03-31")]
