"""Selectors written by the SDK, resolved on a real log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.eventhub._utils import event_position_selector

from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.codec import Described, Symbol
from local_azure.event_hubs.errors import ARGUMENT_ERROR, AmqpError
from local_azure.event_hubs.log import PartitionLog
from local_azure.event_hubs.message import Incoming, decode
from local_azure.event_hubs.positions import start_of

FILTER = Symbol("apache.org:selector-filter:string")
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


def source(selector: str | None) -> Described:
    filters = None if selector is None else {FILTER: Described(FILTER, selector)}
    return Described(0x28, ["address", None, None, None, None, None, None, filters])


def start(log: PartitionLog, position: Any, *, inclusive: bool = False) -> int:
    return start_of(source(event_position_selector(position, inclusive).decode()), log)


@pytest.fixture
def log(open_log: Callable[[], PartitionLog], plain: Incoming, noon: Clock) -> PartitionLog:
    """Four events, an hour apart."""
    log = open_log()
    for hours in range(4):
        noon.set(NOON + timedelta(hours=hours))
        log.append(plain.events)
    return log


@pytest.mark.parametrize(
    ("position", "inclusive", "index"),
    [
        ("-1", False, 0),
        ("-1", True, 0),
        ("@latest", False, 4),
        ("@latest", True, 3),
        (-1, False, 0),
        (0, False, 1),
        (0, True, 0),
        (2, True, 2),
        (3, False, 4),
        (4, True, 4),
        (NOON, True, 0),
        (NOON, False, 1),
        (NOON + timedelta(minutes=1), True, 1),
        (NOON + timedelta(days=1), True, 4),
        (datetime(1970, 1, 1, tzinfo=UTC), True, 0),
    ],
)
def test_a_position_finds_its_event(log: PartitionLog, position: Any, inclusive: bool, index: int) -> None:
    assert start(log, position, inclusive=inclusive) == index


@pytest.mark.parametrize(("inclusive", "index"), [(False, 3), (True, 2)])
def test_the_offset_of_an_event_finds_it_or_the_next(log: PartitionLog, inclusive: bool, index: int) -> None:
    third = str(decode(log.read(2, 1, 1)[0]).annotations["x-opt-offset"])

    assert start(log, third, inclusive=inclusive) == index


def test_without_a_selector_a_receiver_starts_at_the_beginning(log: PartitionLog) -> None:
    assert start_of(source(None), log) == 0


@pytest.mark.parametrize(("position", "inclusive"), [("999999", False), (4, False), (5, True)])
def test_a_position_behind_the_end_is_an_error_and_not_a_wait(
    log: PartitionLog, position: Any, inclusive: bool
) -> None:
    with pytest.raises(AmqpError, match=r"is invalid\. The last") as refusal:
        start(log, position, inclusive=inclusive)
    assert refusal.value.condition == ARGUMENT_ERROR


@pytest.mark.parametrize("position", ["-1", "@latest", "0", NOON])
def test_an_empty_partition_can_be_waited_on(open_log: Callable[[], PartitionLog], position: Any) -> None:
    assert start(open_log(), position) == 0


@pytest.mark.parametrize(
    "selector",
    [
        "nonsense",
        "amqp.annotation.x-opt-colour > 'red'",
        "amqp.annotation.x-opt-offset < '5'",
        "amqp.annotation.x-opt-offset > 'x'",
    ],
)
def test_a_selector_that_is_not_understood_is_refused(log: PartitionLog, selector: str) -> None:
    with pytest.raises(AmqpError) as refusal:
        start_of(source(selector), log)
    assert refusal.value.condition == ARGUMENT_ERROR
