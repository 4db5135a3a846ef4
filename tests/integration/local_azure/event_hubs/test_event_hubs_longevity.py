"""What a client meets that stays for long: tokens that end, silence, events that are no longer kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from azure.eventhub import EventData

from local_azure.event_hubs.log import read_partition
from local_azure.event_hubs.records import HEADER_SIZE
from local_azure.event_hubs.remote import Remote

Receive = Callable[..., Any]


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def due_at_once(expires_on: int, _refresh_window: int) -> tuple[bool, bool]:
    """The SDK's own test of a token, but it is to be renewed after a second, not when a tenth of its hour is left."""
    left = expires_on - time.time()
    return left <= 0, left <= 3599


def test_the_sdk_renews_its_token_on_the_connection_it_has(
    endpoint: Any, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("azure.eventhub._pyamqp.cbs.check_expiration_and_refresh_status", due_at_once)
    remote = Remote(endpoint.port)
    got = receive(endpoint.consumer(), None, partition_id="0")
    endpoint.put(b"a")
    wait_for(lambda: got.events)
    before = remote.status()["tokens"]["accepted"]

    wait_for(lambda: remote.status()["tokens"]["accepted"] >= before + 3)
    endpoint.put(b"b")  # puts a token of its own

    wait_for(lambda: len(got.events) == 2)
    assert (got.bodies(), got.errors) == ([b"a", b"b"], [])
    assert remote.status()["tokens"]["refused"] == 0


def test_the_sdk_comes_back_with_a_new_token_when_its_own_was_cut_short(start: Any, receive: Receive) -> None:
    endpoint = start("--longest-claim", "2")
    got = receive(endpoint.consumer(retry_total=8, retry_backoff_factor=0.1), None, partition_id="0")
    endpoint.put(b"a")
    wait_for(lambda: got.events)
    before = Remote(endpoint.port).status()["tokens"]["accepted"]

    wait_for(lambda: Remote(endpoint.port).status()["tokens"]["accepted"] >= before + 2)
    endpoint.put(b"b")

    wait_for(lambda: len(got.events) == 2)
    assert got.bodies() == [b"a", b"b"]


def test_silence_ends_no_connection_that_both_sides_keep_alive(start: Any, receive: Receive) -> None:
    endpoint = start("--idle-timeout", "2")
    remote = Remote(endpoint.port)
    got = receive(endpoint.consumer(idle_timeout=2), None, partition_id="0")
    endpoint.put(b"a")
    wait_for(lambda: got.events)
    before = remote.status()["tokens"]["accepted"]

    time.sleep(5)  # longer than either side would bear

    assert remote.status()["tokens"]["accepted"] == before
    endpoint.put(b"b")
    wait_for(lambda: len(got.events) == 2)
    assert (got.bodies(), got.errors) == ([b"a", b"b"], [])


def test_a_producer_that_was_idle_for_too_long_sends_again(start: Any) -> None:
    endpoint = start("--idle-timeout", "0.5")
    remote = Remote(endpoint.port)
    with endpoint.producer(retry_total=3, retry_backoff_factor=0.1) as producer:
        producer.send_event(EventData("before"), partition_id="0")
        wait_for(lambda: not remote.status()["connections"])

        producer.send_event(EventData("after"), partition_id="0")

    assert remote.status()["hubs"]["telemetry"]["0"] == {"first": 0, "next": 2}


def test_events_go_by_age_and_a_reader_from_below_starts_with_the_oldest(start: Any, receive: Receive) -> None:
    # A real second is an hour: what is older than two of them goes.
    endpoint = start("--clock-start", "2024-02-29T12:00:00Z", "--clock-speed", "3600", "--retention-hours", "2")
    endpoint.put(b"a", b"b")
    with endpoint.producer() as producer:
        wait_for(lambda: producer.get_partition_properties("0")["is_empty"])
        told = producer.get_partition_properties("0")
    assert (told["beginning_sequence_number"], told["last_enqueued_sequence_number"]) == (2, 1)
    # The next event comes late enough to be there for the reader on a slow machine too.
    endpoint.stop()
    endpoint = start("--retention-hours", "2")
    endpoint.put(b"c")

    for position in ("-1", 0):
        got = receive(endpoint.consumer(), 1, partition_id="0", starting_position=position)
        assert [(b"".join(event.body), event.sequence_number) for _, event in got.events] == [(b"c", 2)]


def test_events_go_by_size(start: Any, receive: Receive) -> None:
    endpoint = start("--retention-bytes", "20000")
    remote = Remote(endpoint.port)
    endpoint.put(*(b"%d" % number + bytes(1000) for number in range(40)))

    def held() -> int:
        return sum(len(record.message) + HEADER_SIZE for record in read_partition(endpoint.data, "telemetry", "0"))

    wait_for(lambda: held() <= 20_000)
    first = remote.status()["hubs"]["telemetry"]["0"]["first"]
    assert held() > 18_000
    got = receive(endpoint.consumer(), 40 - first, partition_id="0", starting_position="-1")

    assert [event.sequence_number for _, event in got.events] == list(range(first, 40))
    assert [record.sequence_number for record in read_partition(endpoint.data, "telemetry", "0")] == [*range(first, 40)]


def test_a_head_that_is_moved_while_a_reader_waits_is_a_gap_for_it(endpoint: Any, receive: Receive) -> None:
    remote = Remote(endpoint.port)
    endpoint.put(*(b"%d" % number for number in range(10)))
    stalled = remote.stall(None)
    got = receive(endpoint.consumer(), None, partition_id="0")
    wait_for(lambda: remote.status()["faults"][0]["strikes"])

    assert remote.move_head("0", 7, hub="telemetry") == 7
    remote.clear(stalled)

    wait_for(lambda: len(got.events) == 3)
    assert [event.sequence_number for _, event in got.events] == [7, 8, 9]


@pytest.mark.parametrize("frame_size", ["512", "65536"])
def test_messages_of_a_mebibyte_pass_in_many_frames(start: Any, receive: Receive, frame_size: str) -> None:
    endpoint = start("--max-frame-size", frame_size)
    body = bytes(index % 251 for index in range((1 << 20) - 400))
    with endpoint.producer() as producer:
        producer.send_event(EventData(body), partition_id="0")
        batch = producer.create_batch(partition_id="0")
        for _ in range(1000):
            batch.add(EventData(body[:900]))
        producer.send_batch(batch)

    got = receive(endpoint.consumer(), 1001, partition_id="0")

    assert got.bodies() == [body, *[body[:900]] * 1000]
