"""The two links that carry events: from a producer into a log, from a log to a consumer.

Belongs here: what happens to an event at the edge of the log. Does not: credit and frames (`links`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_azure.event_hubs import codec, message
from local_azure.event_hubs.errors import INTERNAL_ERROR, AmqpError
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

    def receive(self, payload: bytes, message_format: int) -> None:
        """Store a delivery. It is in the log, all of it, when this returns, and not at all when it raises."""
        batch = message.incoming(payload, message_format)
        partition = self._partition or self._hub.choose(batch.partition_key)
        try:
            partition.append(batch.events)
        except OSError as problem:
            raise AmqpError(INTERNAL_ERROR, f"the event could not be stored: {problem}") from problem


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
        """Whether the log is ahead of this reader."""
        return self._next < len(self._log)

    def take(self, most: int) -> list[bytes]:
        """The next events, annotated with the partition's progress if the client asked for it."""
        messages = self._log.read(self._next, most, _CHUNK_BYTES)
        self._next += len(messages)
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
