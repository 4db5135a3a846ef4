"""The messages of one connection to a broker, from their arrival to their acknowledgement.

Belongs here: handing messages to the hub in the order they came, and acknowledging them in that order (MQTT 5, 4.6).
Does not: the connection (`mqtt_bridge`), or what a message says (`mqtt_message`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial

import aiomqtt
import structlog

from ingest_workers.gateways.acceptance import RETRY_SECONDS, Acceptance, BusyError, TooLargeError
from ingest_workers.gateways.event import Event
from ingest_workers.gateways.hub import RefusedError
from ingest_workers.gateways.mqtt_message import Reading, refused
from settings.failpoints import reach

log = structlog.get_logger(__name__)

_END_SECONDS = 5.0


@dataclass(slots=True)
class Counts:
    """Of a session, over all its connections."""

    acknowledged: int = 0
    dropped: int = 0
    """Messages of QoS 0 that came while nothing could be held any more."""


@dataclass(eq=False, slots=True)
class _Taken:
    """A message under way."""

    number: int
    quality: int
    topic: str
    event: Event
    done: asyncio.Future[None]


class Inbox:
    """Give `queue` to the client as its queue type, then run `take` while it is connected."""

    client: aiomqtt.Client

    def __init__(self, acceptance: Acceptance, reading: Reading, counts: Counts) -> None:
        self._acceptance = acceptance
        self._reading = reading
        self._counts = counts
        self._under_way: deque[_Taken] = deque()
        self._closed = False
        self._behind = 0
        """Messages that wait for room; while there are any, none may overtake them."""

    def queue(self, maxsize: int = 0) -> asyncio.Queue[aiomqtt.Message]:
        """In the place of aiomqtt's own queue, in which each message costs a task."""
        return _Queue(self)

    def arrived(self, message: aiomqtt.Message) -> bool:
        """Send a message on; or not, when it has to wait."""
        if self._behind or not self._sent_on(message):
            self._behind += 1
            return False
        return True

    async def take(self) -> None:
        """Send on what had to wait, until the connection ends. Raises: MqttError."""
        async for message in self.client.messages:
            while not self._sent_on(message):
                if message.qos == 0:
                    self._counts.dropped += 1
                    break
                await asyncio.sleep(RETRY_SECONDS)
            self._behind -= 1

    async def settle(self) -> None:
        """Give what is under way a last chance to be acknowledged."""
        if self._under_way:
            await asyncio.wait([taken.done for taken in self._under_way], timeout=_END_SECONDS)
            await asyncio.sleep(0)  # let the acknowledgements be written

    def close(self) -> None:
        """The connection is over: the broker will send again what was not acknowledged on it."""
        self._closed = True
        for taken in self._under_way:
            taken.done.cancel()

    def _sent_on(self, message: aiomqtt.Message) -> bool:
        payload = message.payload if isinstance(message.payload, bytes) else bytes(message.payload or b"")
        topic = message.topic.value
        event = self._reading.event(topic, payload, message.properties)
        try:
            self._acceptance.hold(len(event.body))
        except BusyError:
            return False
        taken = _Taken(message.mid, message.qos, topic, event, self._deliver(topic, event))
        self._under_way.append(taken)
        taken.done.add_done_callback(partial(self._delivered, taken))
        return True

    def _deliver(self, topic: str, event: Event) -> asyncio.Future[None]:
        """Done when the hub has the event, or has refused it."""
        try:
            (parcel,) = self._acceptance.submit([event])
        except (TooLargeError, BusyError):
            return asyncio.create_task(self._deliver_later(topic, event))
        return parcel.done

    async def _deliver_later(self, topic: str, event: Event) -> None:
        """Return when the hub has the event, or one that says why it cannot have it."""
        while True:
            try:
                for parcel in self._acceptance.submit([event]):
                    await parcel.done
            except (TooLargeError, RefusedError) as problem:
                event = _instead(topic, event, problem)
            except BusyError as problem:
                await asyncio.sleep(problem.retry_after)
            else:
                return

    def _delivered(self, taken: _Taken, done: asyncio.Future[None]) -> None:
        problem = None if done.cancelled() else done.exception()
        if isinstance(problem, RefusedError) and not self._closed:
            instead = _instead(taken.topic, taken.event, problem)
            taken.done = asyncio.create_task(self._deliver_later(taken.topic, instead))
            taken.done.add_done_callback(partial(self._delivered, taken))
            return
        self._acceptance.free(len(taken.event.body))
        if problem is not None:
            log.error("a message stays unacknowledged", topic=taken.topic, error=repr(problem))
        self._acknowledge()

    def _acknowledge(self) -> None:
        """All that are done before the first that is not."""
        while not self._closed and self._under_way and self._under_way[0].done.done():
            first = self._under_way.popleft()
            if first.quality and not first.done.cancelled() and first.done.exception() is None:
                reach("gateway.before_acknowledgement")
                self.client._client.ack(first.number, first.quality)  # noqa: SLF001 - see `mqtt_bridge`
                self._counts.acknowledged += 1


class _Queue(asyncio.Queue[aiomqtt.Message]):
    """Holds only what has to wait."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        self._inbox = inbox

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Send on, or keep."""
        if not self._inbox.arrived(item):
            super().put_nowait(item)


def _instead(topic: str, event: Event, problem: Exception) -> Event:
    log.warning("a message cannot be sent", topic=topic, bytes=len(event.body), error=str(problem))
    return refused(event, topic, str(problem))
