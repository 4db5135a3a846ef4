"""Event Hubs by AMQP, through the synchronous `azure-eventhub` client.

Belongs here: clients and credentials, one link per partition, how far partitions reach.
Does not: what a lost connection means (`receiver`), which part of a message is which column (`envelope`).

A thread and a connection per partition, not the client's own loop: that loop asks one partition after another and
waits 0.2 s at each that is idle, so that three idle partitions hold a busy one to a few thousand events a second. It
also closes links one by one, and after an error it spins for up to half a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import structlog
from azure.eventhub import EventHubConsumerClient
from azure.eventhub._consumer import EventHubConsumer
from azure.eventhub._pyamqp.message import Message
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from ingest_workers import amqp_message
from ingest_workers.envelope import append
from ingest_workers.events import Draft, Events
from ingest_workers.read_ahead import ReadAhead, read_ahead
from ingest_workers.receiver import STOLEN_PAUSE, Link, Receiver, Wanted
from ingest_workers.source import Deliver, Head, Position, RefusedError, SourceError, StolenError
from settings.clock import now
from settings.model import EventHubs

log = structlog.get_logger(__name__)

STOP_SECONDS = 4.0
ASKED_AT_ONCE = 8
PUMP_BYTES = 16 * 2**20
"""What one read of a partition may bring into memory, judged by the largest event of the read before."""
PUMP_SECONDS = 0.25
"""What one read may take: on a stream that trickles, an event waits so long for others to keep it company."""
FIRST_PUMP = 16
"""Frames of the first read."""
STOLEN = "link:stolen"
REFUSALS = frozenset({"unauthorized-access", "not-allowed"})
"""AMQP error conditions that mean no, and not: later."""


class AmqpSource:
    """All partitions of one hub; see `source.Source`."""

    transport = "amqp"

    def __init__(self, hub: EventHubs, *, stolen_pause: float = STOLEN_PAUSE) -> None:
        self._hub = hub
        self._stolen_pause = stolen_pause
        self._credential: Any = None
        self._partitions: list[str] = []
        self._lock = threading.Lock()
        self._assigned: Collection[str] | None = None
        self._reading: tuple[Position, Deliver] | None = None
        self._receivers: dict[str, Receiver] = {}
        self._decoder = ExitStack()

    def heads(self) -> Mapping[str, Head]:
        """Every partition and how far it reaches, asked now. Raises: SourceError, EventHubError."""
        client = self._client()
        try:
            partitions = client.get_partition_ids()
            with ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="heads") as pool:
                found = list(pool.map(client.get_partition_properties, partitions))
        except EventHubError as problem:
            raise _said(self._hub, problem) from problem
        finally:
            client.close()
        self._partitions = [head["id"] for head in found]
        return {
            head["id"]: Head(
                first=head["beginning_sequence_number"],
                last=head["last_enqueued_sequence_number"],
                empty=bool(head["is_empty"]),
            )
            for head in found
        }

    def start(self, position: Position, deliver: Deliver) -> None:
        """Read every assigned partition in its own thread."""
        self._decoder.enter_context(amqp_message.in_the_sdk())
        assigned = (self._partitions or self.heads()) if self._assigned is None else self._assigned
        with self._lock:
            self._reading = position, deliver
            self._read_only(assigned)

    def assign(self, partitions: Collection[str]) -> None:
        """See `source.Source`."""
        with self._lock:
            self._assigned = frozenset(partitions)
            if self._reading is not None:
                self._read_only(self._assigned)

    def recycle(self) -> None:
        """Open every link again."""
        for receiver in tuple(self._receivers.values()):
            receiver.recycle()

    def stop(self) -> None:
        """End all threads; one that hangs in the SDK is left behind, it delivers nothing any more."""
        with self._lock:
            self._read_only(())
            self._reading = None
        self._decoder.close()

    @property
    def failure(self) -> SourceError | None:
        """The first that a partition has."""
        return next((receiver.failure for receiver in tuple(self._receivers.values()) if receiver.failure), None)

    def _read_only(self, partitions: Collection[str]) -> None:
        """End the threads of the others, then begin those that are new."""
        leaving = [receiver for partition, receiver in self._receivers.items() if partition not in partitions]
        for receiver in leaving:
            receiver.stop()
        left = [receiver.partition_id for receiver in leaving if not receiver.join(STOP_SECONDS)]
        if left:
            log.warning("these partitions did not close in time", partitions=left)
        for receiver in leaving:
            del self._receivers[receiver.partition_id]
        if self._reading is None:
            return
        for partition in partitions:
            if partition not in self._receivers:
                receiver = Receiver(partition, self._link(partition), *self._reading, stolen_pause=self._stolen_pause)
                self._receivers[partition] = receiver
                receiver.start()

    def _link(self, partition: str) -> Link:
        def read(after: int | None, take: Callable[[Events], bool], wanted: Wanted) -> None:
            _Link(self._client(), partition, self._hub).read(after, take, wanted)

        return read

    def _client(self) -> EventHubConsumerClient:
        """A client of its own: it can be closed without the others. We retry ourselves, with the right position."""
        options = {"consumer_group": self._hub.consumer_group, "eventhub_name": self._hub.hub, "retry_total": 0}
        if self._hub.connection_string is not None:
            return EventHubConsumerClient.from_connection_string(
                self._hub.connection_string.get_secret_value(), **options
            )
        if self._hub.fully_qualified_namespace is None:
            raise SourceError(
                "no event hub is named: set LAKE_EVENT_HUBS__FULLY_QUALIFIED_NAMESPACE, "
                "or LAKE_EVENT_HUBS__CONNECTION_STRING for a local endpoint (`lakehouse up` prints it)"
            )
        if self._credential is None:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow to import, needed in Azure only

            self._credential = DefaultAzureCredential()
        return EventHubConsumerClient(self._hub.fully_qualified_namespace, credential=self._credential, **options)


class _Consumer(EventHubConsumer):  # type: ignore[misc]  # the SDK is not typed here
    """Hands over messages as they are: building `EventData` takes longer than all we do with one."""

    _reads_ahead = False

    def _next_message_in_buffer(self) -> Message:
        return self._message_buffer.popleft()

    def _open(self) -> bool:
        ready = super()._open()
        if ready:
            transport = getattr(getattr(self._handler, "_connection", None), "_transport", None)
            if not self._reads_ahead:
                read_ahead(transport)
                self._reads_ahead = True
            socket = getattr(transport, "sock", None)
            if isinstance(socket, ReadAhead):
                socket.until = time.monotonic() + PUMP_SECONDS
        return bool(ready)

    def _create_handler(self, auth: Any) -> None:
        super()._create_handler(auth)
        self.pump(FIRST_PUMP)  # only now: the link's credit is fixed, and nothing is known of the events' size

    def pump(self, frames: int) -> None:
        """Read at most so many frames at a time; the rest waits in the socket, and so in the broker.

        The link's credit counts events, not bytes: 3,000 events of 1 MB would be 3 GB before anybody can push back.
        """
        self._prefetch = max(frames, 1)


class _Link:
    """One connection to one partition, read in the thread that calls it; see `receiver.Link`."""

    def __init__(self, client: EventHubConsumerClient, partition: str, hub: EventHubs) -> None:
        self._client, self._partition, self._hub = client, partition, hub
        self._received: list[Message] = []

    def read(self, after: int | None, take: Callable[[Events], bool], wanted: Wanted) -> None:
        """Read until `take` or `wanted` says False, or the connection fails."""
        consumer = self._consumer("-1" if after is None else after)
        try:
            while wanted():
                self._received = []
                consumer.receive(batch=True, max_batch_size=self._hub.prefetch)
                if self._received:
                    events = self._columns()
                    consumer.pump(min(PUMP_BYTES // max(1, events.longest_body), self._hub.prefetch))
                    if not take(events):
                        return
        except EventHubError as problem:
            raise _said(self._hub, problem) from problem
        finally:
            consumer.close()
            self._client.close()

    def _columns(self) -> Events:
        draft = Draft(self._partition)
        taken_at = int(now().timestamp() * 1_000_000)
        for message in self._received:
            append(draft, message, taken_at)
        return draft.events()

    def _keep(self, received: list[Message]) -> None:
        self._received = received

    def _consumer(self, start: int | str) -> _Consumer:
        """What the client's own `receive` makes, but ours, and without a keep-alive thread.

        That thread would read from the same socket every 30 s and can put an event before its predecessor. We read
        five times a second ourselves, and a partition that waits for room longer than the broker has patience for is
        simply connected again.
        """
        address = self._client._address  # noqa: SLF001 - the SDK has no public way to a consumer
        return _Consumer(
            self._client,
            f"amqps://{address.hostname}{address.path}/ConsumerGroups/{self._hub.consumer_group}"
            f"/Partitions/{self._partition}",
            event_position=start,
            on_event_received=self._keep,
            prefetch=self._hub.prefetch,
            owner_level=self._hub.owner_level,
            keep_alive=None,
            amqp_transport=self._client._amqp_transport,  # noqa: SLF001 - as above
        )


def _said(hub: EventHubs, problem: Exception) -> Exception:
    """What the SDK raised, or, where the broker said no, what to do about it."""
    condition = getattr(problem, "error", None)
    if condition == STOLEN:
        return StolenError(
            f"another reader of consumer group {hub.consumer_group!r} took a partition of {hub.hub!r} by its owner "
            f"level: {problem}"
        )
    if isinstance(problem, AuthenticationError) or condition in REFUSALS:
        return RefusedError(
            f"the hub {hub.hub!r} of {hub.namespace!r} does not let us in: {problem}. The identity needs the role "
            f"'Azure Event Hubs Data Receiver' on it; with a connection string, check its key."
        )
    if condition == "not-found":
        return RefusedError(
            f"{hub.namespace!r} has no hub {hub.hub!r} with a consumer group {hub.consumer_group!r}: {problem}. "
            f"Check LAKE_EVENT_HUBS__HUB and LAKE_EVENT_HUBS__CONSUMER_GROUP."
        )
    return problem
