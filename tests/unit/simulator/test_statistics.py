from __future__ import annotations

import pytest

from simulator import statistics
from simulator.statistics import Statistics


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0
        slept = 0.0

        def monotonic(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            self.slept += seconds
            self.now += seconds

    made = Clock()
    monkeypatch.setattr(statistics, "time", made)
    return made


def test_the_speed_is_that_of_the_latest_seconds(clock):
    now = Statistics(begun=clock.now)
    for _ in range(20):
        clock.now += 1
        now.add(100, 30_000)
    assert now.speed() == pytest.approx((100, 30_000))

    clock.now += 2
    assert now.speed() == pytest.approx((60, 18_000))
    clock.now += 10
    assert now.speed() == (0, 0)
    assert (now.acknowledged, now.bytes, now.batches) == (2000, 600_000, 20)


def test_the_speed_of_a_run_that_has_just_begun_is_from_its_begin(clock):
    now = Statistics(begun=clock.now)
    clock.now += 2
    now.add(100, 1000)

    assert now.speed() == pytest.approx((50, 500))


def test_the_lag_is_what_was_due_and_is_not_acknowledged(clock):
    now = Statistics(total=1000, rate=100.0, begun=clock.now)
    clock.now += 4
    now.add(150, 1)
    assert now.lag() == pytest.approx((250, 2.5))

    clock.now += 100
    assert now.lag()[0] == 850
    now.add(850, 1)
    assert now.lag() == (0, 0)
    assert Statistics(begun=0.0).lag() == (0, 0)


def test_a_run_waits_until_an_event_is_due_and_makes_up_for_what_it_lost(clock):
    now = Statistics(rate=10.0, begun=clock.now)
    now.wait(1)
    assert clock.slept == 0
    now.wait(21)
    assert clock.slept == pytest.approx(2.0)
    clock.now += 60
    now.wait(500)
    assert clock.slept == pytest.approx(2.0)
    Statistics(begun=clock.now).wait(10**9)
    assert clock.slept == pytest.approx(2.0)
