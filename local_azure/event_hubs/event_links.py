"""The two links that carry events: from a producer into a log, from a log to a consumer.

Belongs here: what happens to an event at the edge of the log, on a good day and on a bad one. Does not: credit and
frames (`links`), or which bad days there are (`faults`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from local_azure.event_hubs import codec, message
from local_azure.event_hubs.errors import INTERNAL_ERROR, SERVER_BUSY, AmqpError
from local_azure.event_hubs.faults import RECEIVER, SENDER, Fault, Kind
from local_azure.event_hubs.hub import Hub, Partition
from local_azure.event_hubs.links import InboundLink, OutboundLink
from local_azure.event_hubs.receivers import Seat

if TYPE_CHECKING:
    from local_azure.event_hubs.session import Session

# About what a socket buffer takes; a larger chunk would only keep other clients waiting.
_CHUNK_BYTES = 512 * 1024


class EventSink(InboundLink):
    """A producer's link: to a hub, which chooses the partition, or to one partition."""

    def __init__(
        self,
        session: Session,
        handle: int,
        path: str,
        delivery_count: int,
        *,
        hub: Hub,
        partition: Partition | None,
    ) -> None:
        super().__init__(session, handle, path, delivery_count)
        self._hub = hub
        self._partition = partition
        self._faults = session.broker.faults
        self._quota = session.broker.quota
        self._link_place = (hub.name, None if partition is None else partition.partition_id, SENDER)
        # Of the latest delivery; what goes wrong with it may depend on where it went.
        self._place = self._link_place

    def concerned_by(self, fault: Fault) -> bool:
        """Whether the fault is about senders to this hub or partition."""
        return fault.concerns(*self._link_place)

    def described(self) -> dict[str, Any]:
        """Path and role."""
        return super().described() | {"role": SENDER}

    def receive(self, payload: bytes, message_format: int) -> None:
        """Store a delivery. It is in the log, all of it, when this returns, and not at all when it raises."""
        batch = message.incoming(payload, message_format)
        partition = self._partition or self._hub.choose(batch.partition_key)
        if self._faults:
            self._place = (self._hub.name, partition.partition_id, SENDER)
            if self._faults.strike(Kind.THROTTLE, *self._place):
                raise AmqpError(SERVER_BUSY, "the server is too busy; try again in a while")
            if fault := self._faults.strike(Kind.REJECT, *self._place):
                raise AmqpError(fault.condition, "the send was rejected on demand")
        if self._quota is not None and not self._quota.take(len(batch.events)):
            raise AmqpError(SERVER_BUSY, "more events came than the namespace takes in a second; try again in a while")
        try:
            partition.append(batch.events)
        except OSError as problem:
            raise AmqpError(INTERNAL_ERROR, f"the event could not be stored: {problem}") from problem

    def settle(self, delivery_id: int, problem: AmqpError | None) -> None:
        """Answer, unless a fault loses the answer or is in its way."""
        if self._faults and problem is None and self._faults.strike(Kind.LOSE_ACKNOWLEDGEMENT, *self._place):
            self.session.connection.abort()
        elif self._faults and (late := self._faults.strike(Kind.DELAY, *self._place)):
            asyncio.get_running_loop().call_later(late.delay, super().settle, delivery_id, problem)
        else:
            super().settle(delivery_id, problem)


class EventSource(OutboundLink):
    """A consumer's link: the events of one partition from a position on."""

    def __init__(
        self,
        session: Session,
        handle: int,
        path: str,
        *,
        partition: Partition,
        consumer_group: str,
        start: int,
        owner_level: int | None,
        with_metrics: bool,
    ) -> None:
        super().__init__(session, handle, path)
        self.owner_level = owner_level
        self._seat: Seat = (partition.hub, consumer_group, partition.partition_id)
        self._partition = partition
        self._log = partition.log
        self._next = start
        self._with_metrics = with_metrics
        self._faults = session.broker.faults
        self._place = (partition.hub, partition.partition_id, RECEIVER)
        # Events below this were delivered once; a duplicate is not duplicated again.
        self._furthest = start
        self._not_before: float | None = None

    def concerned_by(self, fault: Fault) -> bool:
        """Whether the fault is about receivers of this partition."""
        return fault.concerns(*self._place)

    def described(self) -> dict[str, Any]:
        """Path, role, owner level and the next event to be delivered."""
        return super().described() | {"role": RECEIVER, "owner_level": self.owner_level, "next": self._next}

    def admit(self) -> None:
        """Take the seat, or raise the reason why not."""
        self.session.broker.receivers.admit(self._seat, self)

    def attached(self) -> None:
        """Listen for new events."""
        self._partition.subscribe(self._wake)

    def closed(self) -> None:
        """Free the seat."""
        self.session.broker.receivers.leave(self._seat, self)
        self._partition.unsubscribe(self._wake)

    def _wake(self) -> None:
        self.session.connection.schedule_pump()

    def waiting(self) -> bool:
        """Whether the log is ahead of this reader. Where retention was quicker, it goes on with the oldest event."""
        self._next = max(self._next, self._log.first)
        return self._next < self._log.next and not (self._faults and self._held_back())

    def _held_back(self) -> bool:
        """Whether a fault is in the way of the next chunk."""
        if self._faults.strike(Kind.STALL, *self._place):
            return True
        loop = asyncio.get_running_loop()
        if self._not_before is None:
            late = self._faults.strike(Kind.DELAY, *self._place)
            if late is None:
                return False
            self._not_before = loop.time() + late.delay
            loop.call_later(late.delay, self._wake)
        return loop.time() < self._not_before

    def take(self, most: int) -> list[bytes]:
        """The next events, annotated with the partition's progress if the client asked for it."""
        messages = self._log.read(self._next, most, _CHUNK_BYTES)
        self._next += len(messages)
        if self._faults:
            self._not_before = None
            fresh = min(len(messages), self._next - self._furthest)
            if fresh > 0:
                self._furthest = self._next
                self._next -= self._faults.strike_many(Kind.DUPLICATE, fresh, *self._place)
        if self._with_metrics:
            metrics = self._metrics()
            return [message.with_delivery_annotations(data, metrics) for data in messages]
        return messages

    def _metrics(self) -> bytes:
        """How far the partition has come, for clients that asked to be told with every event."""
        log = self._log
        now_ms = self.session.broker.namespace.clock.now_ms()
        entries = (
            ("last_enqueued_sequence_number", codec.long(log.last_sequence_number)),
            ("last_enqueued_offset", codec.string(str(log.last_offset))),
            ("last_enqueued_time_utc", codec.timestamp(log.last_enqueued_ms or now_ms)),
            ("runtime_info_retrieval_time_utc", codec.timestamp(now_ms)),
        )
        named = codec.mapping((codec.symbol(name), value) for name, value in entries)
        return codec.described(message.DELIVERY_ANNOTATIONS, named)
