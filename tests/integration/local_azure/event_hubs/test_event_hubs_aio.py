"""The asynchronous SDK against the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient

from local_azure.event_hubs.log import read_partition
from local_azure.event_hubs.message import decode

HUB = "telemetry"


class Reading:
    """A consumer at work: what it was handed, and what went wrong."""

    def __init__(self, endpoint: Any, **options: Any) -> None:
        self.events: list[tuple[str, Any]] = []
        self.errors: list[Exception] = []
        self.last: dict[str, Any] = {}
        self._client = EventHubConsumerClient.from_connection_string(
            endpoint.connection_string,
            consumer_group="$Default",
            eventhub_name=HUB,
            retry_total=0,
            load_balancing_interval=0.3,  # also how long `receive` takes to notice `close`
            **options.pop("client", {}),
        )
        settings = {"starting_position": "-1", "max_wait_time": 0.2} | options
        self._task = asyncio.create_task(self._client.receive_batch(self._take, on_error=self._fail, **settings))

    async def _take(self, context: Any, events: list[Any]) -> None:
        self.events += [(context.partition_id, event) for event in events]
        if context.last_enqueued_event_properties:
            self.last[context.partition_id] = context.last_enqueued_event_properties
        if events:
            await context.update_checkpoint(events[-1])

    async def _fail(self, context: Any, error: Exception) -> None:
        self.errors.append(error)

    def bodies(self) -> list[bytes]:
        return [b"".join(event.body) for _, event in self.events]

    async def close(self) -> None:
        await self._client.close()
        await asyncio.wait_for(self._task, 60)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - there is nothing that could set an event
            await asyncio.sleep(0.02)


def producer(endpoint: Any, **options: Any) -> EventHubProducerClient:
    return EventHubProducerClient.from_connection_string(
        endpoint.connection_string, eventhub_name=HUB, **({"retry_total": 0} | options)
    )


@pytest.fixture
def run(endpoint: Any) -> Callable[[Callable[[Any, Callable[..., Reading]], Awaitable[None]]], None]:
    """Run a story with an endpoint and a way to read from it; whoever reads is told to stop at the end."""

    def run_story(story: Callable[[Any, Callable[..., Reading]], Awaitable[None]]) -> None:
        async def told() -> None:
            async with AsyncExitStack() as stack:

                def read(**options: Any) -> Reading:
                    reading = Reading(endpoint, **options)
                    stack.push_async_callback(reading.close)
                    return reading

                await asyncio.wait_for(story(endpoint, read), 120)

        asyncio.run(told())

    return run_story


def test_events_by_partition_by_key_and_by_turn_arrive_once(run: Any) -> None:
    async def story(endpoint: Any, read: Callable[..., Reading]) -> None:
        async with producer(endpoint) as client:
            assert await client.get_partition_ids() == ["0", "1"]
            await client.send_batch([EventData(f"to one {number}") for number in range(3)], partition_id="1")
            await client.send_batch([EventData("keyed")], partition_key="device-1")
            batch = await client.create_batch(partition_key="device-1")
            batch.add(EventData("keyed too"))
            await client.send_batch(batch)
            await client.send_event(EventData("anywhere"))
        reading = read()
        await until(lambda: len(reading.events) == 6)
        assert sorted(reading.bodies()) == [b"anywhere", b"keyed", b"keyed too", *(b"to one %d" % n for n in range(3))]
        keyed = [(place, event) for place, event in reading.events if event.partition_key == b"device-1"]
        assert len({place for place, _ in keyed}) == 1
        assert [b"".join(event.body) for _, event in keyed] == [b"keyed", b"keyed too"]
        assert reading.errors == []

    run(story)


def test_the_buffered_producer_loses_nothing(run: Any) -> None:
    async def story(endpoint: Any, read: Callable[..., Reading]) -> None:
        sent: list[str] = []

        async def on_success(events: list[EventData], partition: str | None) -> None:
            sent.extend(event.body_as_str() for event in events)

        async def on_error(events: list[EventData], partition: str | None, error: Exception) -> None:
            pytest.fail(str(error))

        client = producer(
            endpoint,
            buffered_mode=True,
            on_success=on_success,
            on_error=on_error,
            max_buffer_length=100,
            max_wait_time=1,
        )
        async with client:
            for number in range(500):
                await client.send_event(EventData(str(number)))
            await client.flush()
        kept = [
            decode(record.message).body.decode()
            for partition in ("0", "1")
            for record in read_partition(endpoint.data, HUB, partition)
        ]
        assert sorted(kept, key=int) == sorted(sent, key=int) == [str(number) for number in range(500)]

    run(story)


def test_a_consumer_that_asked_is_told_how_far_the_partition_is(run: Any) -> None:
    async def story(endpoint: Any, read: Callable[..., Reading]) -> None:
        endpoint.put(b"a", b"b")
        reading = read(partition_id="0", track_last_enqueued_event_properties=True)
        await until(lambda: len(reading.events) == 2)
        endpoint.put(b"c")
        await until(lambda: len(reading.events) == 3)
        record = list(read_partition(endpoint.data, HUB, "0"))[-1]
        told = reading.last["0"]
        assert (told["sequence_number"], told["offset"]) == (2, str(record.offset))
        assert told["enqueued_time"] == record.enqueued_at

    run(story)


def test_an_owner_of_the_same_level_takes_the_partition(run: Any) -> None:
    async def story(endpoint: Any, read: Callable[..., Reading]) -> None:
        endpoint.put(b"a")
        first = read(partition_id="0", owner_level=2)
        await until(lambda: first.events)
        second = read(partition_id="0", owner_level=2)
        await until(lambda: second.events and first.errors)
        assert "link:stolen" in str(first.errors[0])

    run(story)


def test_an_owner_displaces_those_who_shared(run: Any) -> None:
    async def story(endpoint: Any, read: Callable[..., Reading]) -> None:
        endpoint.put(b"a")
        sharers = [read(partition_id="0"), read(partition_id="0")]
        await until(lambda: all(each.events for each in sharers))
        assert [each.errors for each in sharers] == [[], []]
        owner = read(partition_id="0", owner_level=0)
        await until(lambda: owner.events and all(each.errors for each in sharers))
        assert all("link:stolen" in str(each.errors[0]) for each in sharers)

    run(story)
