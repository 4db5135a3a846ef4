"""How much is taken in a second."""

from __future__ import annotations

from local_azure.event_hubs.quota import Quota


class Watch:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_second_holds_so_many_and_the_next_as_many_again() -> None:
    watch = Watch()
    quota = Quota(100, watch)

    assert [quota.take(40) for _ in range(3)] == [True, True, False]
    watch.now += 0.3
    assert [quota.take(40) for _ in range(2)] == [True, False]
    watch.now += 3600
    assert [quota.take(50) for _ in range(3)] == [True, True, False]


def test_a_batch_larger_than_a_second_is_taken_alone_and_paid_for_later() -> None:
    watch = Watch()
    quota = Quota(100, watch)

    assert quota.take(250)
    watch.now += 1.4
    assert not quota.take(1)
    watch.now += 0.2
    assert quota.take(1)
    assert not quota.take(250)
