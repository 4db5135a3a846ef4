"""Hubs, their partitions, where events go, and what time it is there."""

from __future__ import annotations

import string
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver
from hypothesis import given
from hypothesis import strategies as st

from local_azure.event_hubs import addresses
from local_azure.event_hubs.addresses import Address
from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.errors import NOT_FOUND, AmqpError
from local_azure.event_hubs.hub import HubSetupError, Namespace
from local_azure.event_hubs.message import Incoming
from local_azure.event_hubs.partition_key import partition_of


@given(st.text(string.ascii_letters + string.digits + "-_:", min_size=1, max_size=40), st.integers(1, 32))
def test_a_key_goes_where_the_buffered_producer_of_the_sdk_would_send_it(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == PartitionResolver(range(partitions)).get_partition_id_by_partition_key(key)


def test_keys_spread_over_all_partitions() -> None:
    counts = Counter(partition_of(f"device-{i}", 4) for i in range(1000))

    assert sorted(counts) == [0, 1, 2, 3]
    assert min(counts.values()) > 150


def test_a_key_has_the_same_partition_after_a_restart(tmp_path: Path, noon: Clock) -> None:
    chosen = []
    for _ in range(2):
        namespace = Namespace(tmp_path, {"telemetry": 4}, noon)
        chosen.append([namespace.hub("telemetry").choose(f"device-{i}").partition_id for i in range(50)])
        namespace.close()

    assert chosen[0] == chosen[1]


def test_events_without_a_key_take_turns(tmp_path: Path, noon: Clock) -> None:
    namespace = Namespace(tmp_path, {"telemetry": 3}, noon)

    turns = [namespace.hub("telemetry").choose(None).partition_id for _ in range(6)]

    assert turns == ["0", "1", "2", "0", "1", "2"]
    namespace.close()


def test_a_hub_remembers_when_it_was_made(tmp_path: Path, noon: Clock) -> None:
    Namespace(tmp_path, {"telemetry": 1}, noon).close()

    again = Namespace(tmp_path, {"telemetry": 1}, Clock())

    assert again.hub("telemetry").created_ms == noon.now_ms()
    again.close()


def test_whoever_waits_is_told_of_new_events_until_he_leaves(tmp_path: Path, noon: Clock, plain: Incoming) -> None:
    namespace = Namespace(tmp_path, {"telemetry": 1}, noon)
    partition = namespace.hub("telemetry").partition("0")
    told: list[int] = []

    def wake() -> None:
        told.append(len(partition.log))

    partition.subscribe(wake)
    partition.append(plain.events)
    partition.unsubscribe(wake)
    partition.append(plain.events)

    assert told == [1]
    namespace.close()


def test_a_folder_serves_one_process_at_a_time(tmp_path: Path, noon: Clock) -> None:
    first = Namespace(tmp_path, {"telemetry": 1}, noon)

    with pytest.raises(HubSetupError, match="in use by another Event Hubs endpoint"):
        Namespace(tmp_path, {"telemetry": 1}, noon)

    first.close()
    Namespace(tmp_path, {"telemetry": 1}, noon).close()


def test_the_number_of_partitions_cannot_change_under_the_keys(tmp_path: Path, noon: Clock) -> None:
    Namespace(tmp_path, {"telemetry": 4}, noon).close()

    with pytest.raises(HubSetupError, match=r"has 4 partitions, not 2\. Ask for telemetry:4"):
        Namespace(tmp_path, {"telemetry": 2}, noon)


@pytest.mark.parametrize(("name", "partitions"), [("../up", 1), ("", 1), ("a b", 1), ("hub", 0), ("hub", 5000)])
def test_a_hub_that_cannot_be_is_refused(tmp_path: Path, noon: Clock, name: str, partitions: int) -> None:
    with pytest.raises(HubSetupError):
        Namespace(tmp_path, {name: partitions}, noon)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("$cbs", Address("$cbs")),
        ("telemetry", Address("telemetry")),
        ("amqps://127.0.0.1:5672/telemetry", Address("telemetry")),
        ("telemetry/Partitions/3", Address("telemetry", "3")),
        ("sb://h/telemetry/ConsumerGroups/$Default/Partitions/0", Address("telemetry", "0", "$Default")),
        ("telemetry/consumergroups/hot%20path/partitions/1", Address("telemetry", "1", "hot path")),
    ],
)
def test_addresses_are_read_in_all_their_forms(text: str, address: Address) -> None:
    assert addresses.parse(text) == address


@pytest.mark.parametrize("text", ["", "a/b", "hub/ConsumerGroups/x", "hub/Partitions/0/more", None])
def test_an_address_of_nothing_is_not_found(text: str | None) -> None:
    with pytest.raises(AmqpError) as refusal:
        addresses.parse(text or "")
    assert refusal.value.condition == NOT_FOUND


def test_a_clock_starts_where_it_is_told_and_runs_as_fast_as_it_is_told() -> None:
    start = datetime(2024, 12, 31, 23, 59, tzinfo=UTC)
    clock = Clock(start, speed=10_000)
    time.sleep(0.05)

    passed = timedelta(milliseconds=clock.now_ms()) - timedelta(seconds=start.timestamp())

    assert timedelta(seconds=500) <= passed < timedelta(hours=24)


def test_a_clock_that_stands_still_can_be_set() -> None:
    clock = Clock(datetime(2024, 1, 1, tzinfo=UTC), speed=0)
    clock.set(datetime(2030, 1, 1, tzinfo=UTC))

    assert clock.now_ms() == int(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000)


def test_a_clock_without_a_start_is_the_clock_on_the_wall() -> None:
    assert abs(Clock().now_ms() - time.time() * 1000) < 1000


def test_a_clock_refuses_to_run_backwards_or_without_a_zone() -> None:
    with pytest.raises(ValueError, match="backwards"):
        Clock(speed=-1)
    with pytest.raises(ValueError, match="no UTC offset"):
        Clock(datetime(2024, 1, 1))  # noqa: DTZ001 - the missing zone is the point
