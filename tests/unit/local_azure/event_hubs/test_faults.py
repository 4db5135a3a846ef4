"""Whom a fault strikes, how often, and until when."""

from __future__ import annotations

from typing import Any

import pytest

from local_azure.event_hubs.faults import Fault, Faults, Kind, UnknownFaultError, requested

PLACE = ("telemetry", "0", "sender")


class Watch:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def faults(watch: Watch) -> Faults:
    return Faults(watch)


def test_without_a_fault_nothing_is_struck(faults: Faults) -> None:
    assert not faults
    assert faults.strike(Kind.THROTTLE, *PLACE) is None


@pytest.mark.parametrize(
    ("scope", "struck"),
    [
        ({}, True),
        ({"hub": "telemetry"}, True),
        ({"hub": "other"}, False),
        ({"partition": "0"}, True),
        ({"partition": "1"}, False),
        ({"role": "sender"}, True),
        ({"role": "receiver"}, False),
        ({"hub": "telemetry", "partition": "0", "role": "sender"}, True),
        ({"hub": "telemetry", "partition": "0", "role": "receiver"}, False),
    ],
    ids=str,
)
def test_a_fault_strikes_whom_it_concerns(faults: Faults, scope: dict[str, str], struck: bool) -> None:
    faults.add(Fault(Kind.STALL, **scope))

    assert (faults.strike(Kind.STALL, *PLACE) is not None) == struck
    assert faults.strike(Kind.DELAY, *PLACE) is None


def test_a_fault_for_a_partition_does_not_concern_who_names_none(faults: Faults) -> None:
    faults.add(Fault(Kind.THROTTLE, partition="0"))

    assert faults.strike(Kind.THROTTLE, "telemetry", None, "sender") is None


def test_a_fault_ends_with_its_time(faults: Faults, watch: Watch) -> None:
    faults.add(Fault(Kind.STALL, seconds=5))
    watch.now += 4.9
    assert faults.strike(Kind.STALL, *PLACE)
    assert faults.described()[0]["left"] == pytest.approx(0.1)

    watch.now += 0.1

    assert faults.strike(Kind.STALL, *PLACE) is None
    assert not faults


def test_a_fault_ends_with_its_last_strike(faults: Faults) -> None:
    faults.add(Fault(Kind.REJECT, times=2))

    assert [faults.strike(Kind.REJECT, *PLACE) is not None for _ in range(3)] == [True, True, False]


def test_an_acknowledgement_is_lost_once_unless_more_is_asked_for(faults: Faults) -> None:
    faults.add(Fault(Kind.LOSE_ACKNOWLEDGEMENT))

    assert [bool(faults.strike(Kind.LOSE_ACKNOWLEDGEMENT, *PLACE)) for _ in range(2)] == [True, False]


def test_many_are_struck_as_far_as_the_fault_goes(faults: Faults) -> None:
    faults.add(Fault(Kind.DUPLICATE, times=5))

    assert [faults.strike_many(Kind.DUPLICATE, 3, *PLACE) for _ in range(3)] == [3, 2, 0]


@pytest.mark.parametrize("kind", [Kind.DROP, Kind.DETACH, Kind.EXPIRE_TOKENS])
def test_what_happens_at_once_is_over_at_once_unless_it_is_given_time(faults: Faults, kind: Kind) -> None:
    faults.add(Fault(kind))
    assert not faults

    faults.add(Fault(kind, seconds=1))
    assert faults


def test_faults_are_cleared_one_by_one_or_all_together(faults: Faults) -> None:
    first, *_ = [faults.add(Fault(Kind.STALL)) for _ in range(3)]

    assert faults.clear(first.id) == 1
    assert faults.clear(first.id) == 0
    assert faults.clear() == 2
    assert not faults


def test_the_oldest_fault_strikes_first(faults: Faults) -> None:
    faults.add(Fault(Kind.DELAY, delay=1, times=1))
    faults.add(Fault(Kind.DELAY, delay=2))

    struck = [faults.strike(Kind.DELAY, *PLACE) for _ in range(2)]

    assert [fault and fault.delay for fault in struck] == [1, 2]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "there is no kind 'None'; there are throttle, reject"),
        ({"kind": "earthquake"}, "there is no kind 'earthquake'"),
        ({"kind": "stall", "second": 5}, "not second"),
        ({"kind": "stall", "id": 5}, "not id"),
        ({"kind": "stall", "seconds": -1}, "seconds has to be a number from 0 on"),
        ({"kind": "stall", "seconds": "5"}, "seconds has to be a number from 0 on"),
        ({"kind": "stall", "times": 1.5}, "times has to be a number from 0 on"),
        ({"kind": "stall", "times": True}, "times has to be a number from 0 on"),
        ({"kind": "stall", "partition": 0}, "partition has to be text, not 0"),
        ({"kind": "reject", "condition": 5}, "condition has to be text, not 5"),
        ({"kind": "stall", "role": "both"}, "role is 'sender' or 'receiver'"),
    ],
    ids=str,
)
def test_a_request_for_what_there_is_not_is_explained(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(UnknownFaultError, match=said):
        requested(request_)


def test_a_request_becomes_its_fault() -> None:
    fault = requested(
        {"kind": "throttle", "seconds": 5, "partition": "0", "times": None, "delay": None, "condition": None}
    )

    assert fault == Fault(Kind.THROTTLE, seconds=5, partition="0")
