"""What goes wrong on demand, as the SDK's clients live through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.exceptions import (
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    EventDataSendError,
    EventHubError,
)

from local_azure.event_hubs.log import read_partition
from local_azure.event_hubs.message import decode
from local_azure.event_hubs.remote import Remote, RemoteError

Receive = Callable[..., Any]
QUICK = {"retry_total": 8, "retry_backoff_factor": 0.1}


def stored(endpoint: Any, partition: str = "0") -> list[bytes]:
    return [decode(record.message).body for record in read_partition(endpoint.data, "telemetry", partition)]


def send(endpoint: Any, body: str, partition: str = "0", **options: Any) -> None:
    with endpoint.producer(**options) as producer:
        producer.send_event(EventData(body), partition_id=partition)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def remote(endpoint: Any) -> Remote:
    return Remote.of(endpoint.connection_string)


def test_a_throttled_sender_is_told_and_gets_through_when_it_tries_again(endpoint: Any, remote: Remote) -> None:
    with endpoint.producer() as patient:
        patient.send_event(EventData("before"), partition_id="0")
        throttled = remote.throttle(None, partition="0")
        with pytest.raises(EventHubError, match="com.microsoft:server-busy"):
            patient.send_event(EventData("refused"), partition_id="0")
        with pytest.raises(EventHubError, match="com.microsoft:server-busy"):
            send(endpoint, "refused as well")
        patient.send_event(EventData("elsewhere"), partition_id="1")

        remote.clear(throttled)
        patient.send_event(EventData("after"), partition_id="0")

    assert stored(endpoint) == [b"before", b"after"]
    assert stored(endpoint, "1") == [b"elsewhere"]


def test_a_throttle_ends_by_itself_and_the_sdk_retries_over_it(endpoint: Any, remote: Remote) -> None:
    remote.throttle(1)

    send(endpoint, "patient", retry_total=5, retry_backoff_factor=0.3)

    assert stored(endpoint) == [b"patient"]
    assert remote.status()["faults"] == []


def test_who_sends_more_than_the_namespace_takes_is_throttled(start: Any) -> None:
    endpoint = start("--events-per-second", "0.1")
    with endpoint.producer() as producer:
        producer.send_batch([EventData("one"), EventData("two")], partition_id="0")

        with pytest.raises(EventHubError, match="com.microsoft:server-busy"):
            producer.send_event(EventData("too soon"), partition_id="1")

    assert (stored(endpoint), stored(endpoint, "1")) == ([b"one", b"two"], [])


def test_a_send_is_rejected_with_any_condition(endpoint: Any, remote: Remote) -> None:
    remote.reject(None, "amqp:resource-limit-exceeded", role="sender")

    with pytest.raises(EventDataSendError, match="ResourceLimitExceeded"):
        send(endpoint, "refused")

    assert stored(endpoint) == []


def test_an_acknowledgement_that_is_lost_makes_the_sdk_send_twice(endpoint: Any, remote: Remote) -> None:
    remote.lose_acknowledgement()

    send(endpoint, "twice", **QUICK)

    assert stored(endpoint) == [b"twice", b"twice"]


def test_consumers_go_on_after_their_connections_were_dropped(endpoint: Any, remote: Remote, receive: Receive) -> None:
    endpoint.put(b"a")
    got = receive(endpoint.consumer(**QUICK), None, partition_id="0")
    wait_for(lambda: got.events)

    remote.drop(0.3)
    wait_for(lambda: not remote.status()["faults"])
    endpoint.put(b"b")

    wait_for(lambda: len(got.events) == 2)
    assert got.bodies() == [b"a", b"b"]


def test_receivers_alone_are_kept_out_while_senders_go_on(endpoint: Any, remote: Remote, receive: Receive) -> None:
    cut = remote.drop(60, role="receiver")
    with endpoint.producer() as producer:
        producer.send_event(EventData("a"), partition_id="0")

    got = receive(endpoint.consumer(load_balancing_interval=0.2), None, partition_id="0")

    wait_for(lambda: got.errors)
    assert remote.status()["faults"][0]["strikes"] > 0
    assert got.events == []
    remote.clear(cut)
    wait_for(lambda: got.bodies() == [b"a"])


@pytest.mark.parametrize(
    ("harm", "said"), [("detach", "link was detached on demand"), ("expire_tokens", "has expired")]
)
def test_a_consumer_whose_link_is_ended_is_told_and_comes_back(
    endpoint: Any, remote: Remote, receive: Receive, harm: str, said: str
) -> None:
    endpoint.put(b"a")
    # Without retries the SDK hands the error over; its partition worker then starts anew by itself.
    got = receive(endpoint.consumer(load_balancing_interval=0.2), None, partition_id="0")
    wait_for(lambda: got.events)
    before = remote.status()["tokens"]["accepted"]

    getattr(remote, harm)()
    wait_for(lambda: got.errors)
    endpoint.put(b"b")

    wait_for(lambda: b"b" in got.bodies())
    assert isinstance(got.errors[0], ConnectionLostError | ConnectError | AuthenticationError)
    assert said in str(got.errors[0])
    assert remote.status()["tokens"]["accepted"] > before


def test_a_stalled_partition_delivers_nothing_until_the_stall_ends(
    endpoint: Any, remote: Remote, receive: Receive
) -> None:
    stalled = remote.stall(None, partition="0")
    got = receive(endpoint.consumer(), None)
    endpoint.put(b"stuck", partition="0")
    endpoint.put(b"moving", partition="1")
    wait_for(lambda: got.events)
    wait_for(lambda: remote.status()["faults"][0]["strikes"] > 0)
    with endpoint.producer() as producer:
        assert producer.get_partition_properties("0")["last_enqueued_sequence_number"] == 0
    assert got.bodies() == [b"moving"]

    remote.clear(stalled)

    wait_for(lambda: len(got.events) == 2)
    assert got.bodies() == [b"moving", b"stuck"]
    assert got.errors == []


def test_a_stall_that_is_over_wakes_whoever_waited(endpoint: Any, remote: Remote, receive: Receive) -> None:
    endpoint.put(b"stuck")
    remote.stall(2)
    got = receive(endpoint.consumer(), None, partition_id="0")

    wait_for(lambda: got.events)

    assert got.bodies() == [b"stuck"]


def test_duplicates_come_under_the_same_numbers(endpoint: Any, remote: Remote, receive: Receive) -> None:
    endpoint.put(*(str(number).encode() for number in range(10)))
    remote.duplicate(4)

    got = receive(endpoint.consumer(), 14, partition_id="0")

    assert [event.sequence_number for _, event in got.events] == [*range(10), *range(6, 10)]
    assert remote.status()["faults"] == []


def test_every_event_can_be_delivered_twice(endpoint: Any, remote: Remote, receive: Receive) -> None:
    endpoint.put(*(str(number).encode() for number in range(1500)))
    remote.duplicate(None)

    got = receive(endpoint.consumer(), 3000, partition_id="0", prefetch=700)

    numbers = [event.sequence_number for _, event in got.events]
    assert sorted(numbers) == [number for number in range(1500) for _ in "ab"]


def test_delays_hold_up_sender_and_receiver(endpoint: Any, remote: Remote, receive: Receive) -> None:
    with endpoint.producer() as producer:
        producer.send_event(EventData("at once"), partition_id="0")
        got = receive(endpoint.consumer(), None, partition_id="0")
        wait_for(lambda: got.events)
        remote.delay(1.5, None)

        started = time.monotonic()
        producer.send_event(EventData("late"), partition_id="0")
        assert time.monotonic() - started >= 1.5
    wait_for(lambda: len(got.events) == 2)
    assert got.bodies() == [b"at once", b"late"]
    assert remote.status()["faults"][0]["strikes"] == 2


def test_while_tokens_are_refused_nobody_gets_in(endpoint: Any, remote: Remote) -> None:
    remote.refuse_tokens(None)
    with pytest.raises(AuthenticationError, match="refused on demand"):
        send(endpoint, "refused")

    assert remote.clear() == 1
    send(endpoint, "welcome")

    assert stored(endpoint) == [b"welcome"]
    assert remote.status()["tokens"]["refused"] == 1


def test_the_side_door_tells_what_goes_on(endpoint: Any, remote: Remote, receive: Receive) -> None:
    endpoint.put(b"a", b"b", partition="1")
    got = receive(endpoint.consumer(), None, partition_id="1", owner_level=3)
    wait_for(lambda: got.events)

    told = remote.status()

    assert told["pid"] == endpoint.pid
    assert told["hubs"] == {"telemetry": {"0": {"first": 0, "next": 0}, "1": {"first": 0, "next": 2}}}
    [link] = [link for connection in told["connections"] for link in connection["links"]]
    assert link == {
        "path": "telemetry/consumergroups/$Default/partitions/1",
        "role": "receiver",
        "owner_level": 3,
        "next": 2,
    }


def test_what_the_endpoint_does_not_do_is_an_error(remote: Remote) -> None:
    with pytest.raises(RemoteError, match="there is no kind 'earthquake'; there are throttle, reject"):
        remote.inject("earthquake")

    assert remote.status()["faults"] == []
