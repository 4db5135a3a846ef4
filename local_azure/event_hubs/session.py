"""One session: its links, its windows, and the frames that belong to neither connection nor link.

Belongs here: attaching and detaching, counting transfers both ways. Does not: what a link does with a
delivery (`links` and those built on it).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from local_azure.event_hubs import addresses, codec, frames, positions
from local_azure.event_hubs.broker import Broker
from local_azure.event_hubs.errors import (
    DETACH_FORCED,
    HANDLE_IN_USE,
    NOT_FOUND,
    SERVER_BUSY,
    UNATTACHED_HANDLE,
    UNAUTHORIZED,
    AmqpError,
)
from local_azure.event_hubs.event_links import EventSink, EventSource
from local_azure.event_hubs.faults import RECEIVER, SENDER, Kind
from local_azure.event_hubs.links import Link, OutboundLink, serial
from local_azure.event_hubs.requests import AnswerLink, QuestionLink

if TYPE_CHECKING:
    from local_azure.event_hubs.connection import Connection

_MOST_PER_CHUNK = 512
_EPOCH = "com.microsoft:epoch"
_METRICS = "com.microsoft:enable-receiver-runtime-metric"


class Session:
    """A client's session. Handles are the client's own, used for both directions."""

    def __init__(self, connection: Connection, begin: frames.Frame) -> None:
        self.connection = connection
        self.channel = begin.channel
        _, next_outgoing_id, incoming_window, *_ = (codec.decode(raw)[0] for raw in begin.fields)
        self._links: dict[int, Link] = {}
        self._next_incoming_id = next_outgoing_id or 0
        self._next_outgoing_id = 0
        self._next_delivery_id = 0
        # Transfers may be numbered up to here; the client moves it with each flow.
        self._window_end = serial(incoming_window or 0)
        self._held_back: deque[bytes] = deque()
        self.write(frames.begin(self.channel))

    @property
    def broker(self) -> Broker:
        """What all connections share."""
        return self.connection.broker

    def write(self, data: bytes) -> None:
        """Send bytes on the connection."""
        self.connection.write(data)

    def on_frame(self, frame: frames.Frame) -> None:
        """Handle one frame of this session.

        Raises:
            AmqpError: the client broke the session; it has to end.
        """
        if frame.code == frames.TRANSFER:
            self._next_incoming_id = serial(self._next_incoming_id + 1)
            link = self._link(frame)
            if not link.detached:
                link.on_transfer(frame)
        elif frame.code == frames.FLOW:
            self._on_flow(frame)
        elif frame.code == frames.ATTACH:
            self._on_attach(frame)
        elif frame.code == frames.DETACH:
            self._on_detach(frame)
        # Nothing is sent unsettled, so a disposition has nothing to say.

    def _link(self, frame: frames.Frame, field: int = 0) -> Link:
        handle = codec.decode(frame.fields[field])[0]
        try:
            return self._links[handle]
        except KeyError:
            raise AmqpError(UNATTACHED_HANDLE, f"no link is attached at handle {handle}") from None

    def _on_flow(self, frame: frames.Frame) -> None:
        seen, window, _, _, handle, *_, echo, _ = (codec.decode(raw)[0] for raw in frame.fields)
        self._window_end = serial((seen or 0) + (window or 0))
        if handle is not None:
            link = self._link(frame, 4)
            if not link.detached:
                link.on_flow(frame)
        elif echo:
            self.write(self._flow())
        self.connection.schedule_pump()

    def _on_detach(self, frame: frames.Frame) -> None:
        link = self._link(frame)
        del self._links[link.handle]
        if not link.detached:
            link.detached = True
            link.closed()
            self.write(frames.detach(self.channel, link.handle))

    def _on_attach(self, frame: frames.Frame) -> None:
        name, raw_handle, role, _, _, source, target, *_ = frame.fields
        handle = codec.decode(raw_handle)[0]
        if handle in self._links:
            raise AmqpError(HANDLE_IN_USE, f"handle {handle} is attached already")
        client_sends = not codec.decode(role)[0]
        link: Link
        problem: AmqpError | None = None
        try:
            link = self._inbound(frame, handle) if client_sends else self._outbound(frame, handle)
        except AmqpError as refusal:
            # The standard's way to say no: attach without the end the client asked for, then detach.
            link, problem = Link(self, handle, None), refusal
            source, target = (source, codec.NULL) if client_sends else (codec.NULL, target)
        self._links[handle] = link
        self.write(
            frames.attach(
                self.channel,
                name=name,
                handle=handle,
                role=frames.RECEIVER if client_sends else frames.SENDER,
                source=source,
                target=target,
                max_message_size=self.broker.max_message_size,
            )
        )
        if problem is None:
            link.attached()
        else:
            link.detach(problem)

    def _inbound(self, attach: frames.Frame, handle: int) -> Link:
        address = _address(attach.fields[6])
        delivery_count = codec.decode(attach.fields[9])[0] or 0
        if address.is_node:
            return QuestionLink(self, handle, address.name, delivery_count)
        self._check_claim(address)
        if address.consumer_group:
            raise AmqpError(NOT_FOUND, "a consumer group is not a place to send to")
        hub = self.broker.namespace.hub(address.name)
        partition = None if address.partition is None else hub.partition(address.partition)
        self._suffer(address, SENDER)
        return EventSink(self, handle, address.path, delivery_count, hub=hub, partition=partition)

    def _outbound(self, attach: frames.Frame, handle: int) -> Link:
        source = codec.decode(attach.fields[5])[0]
        address = _address(attach.fields[5])
        if address.is_node:
            return AnswerLink(self, handle, address.name)
        self._check_claim(address)
        if address.consumer_group is None or address.partition is None:
            raise AmqpError(NOT_FOUND, f"receivers read hub/ConsumerGroups/g/Partitions/n, not '{address.path}'")
        partition = self.broker.namespace.hub(address.name).partition(address.partition)
        self.broker.check_consumer_group(address.consumer_group)
        self._suffer(address, RECEIVER)
        capabilities = codec.decode(attach.fields[12])[0]
        link = EventSource(
            self,
            handle,
            address.path,
            partition=partition,
            consumer_group=address.consumer_group,
            start=positions.start_of(source, partition.log),
            owner_level=(codec.decode(attach.fields[13])[0] or {}).get(_EPOCH),
            with_metrics=capabilities == _METRICS or (isinstance(capabilities, list) and _METRICS in capabilities),
        )
        link.admit()
        return link

    def _check_claim(self, address: addresses.Address) -> None:
        if not self.connection.allows(address.path):
            raise AmqpError(UNAUTHORIZED, f"the connection has put no valid token for '{address.path}'")

    def _suffer(self, address: addresses.Address, role: str) -> None:
        """Refuse a link that a fault concerns."""
        faults = self.broker.faults
        if faults.strike(Kind.THROTTLE, address.name, address.partition, role):
            raise AmqpError(SERVER_BUSY, f"the server is too busy for '{address.path}'; try again in a while")
        if faults.strike(Kind.DETACH, address.name, address.partition, role):
            raise AmqpError(DETACH_FORCED, f"the link to '{address.path}' was detached on demand")
        if faults.strike(Kind.DROP, address.name, address.partition, role):
            self.connection.abort()

    def transfers(self, handle: int) -> frames.Transfers:
        """A writer of transfers for the link at `handle`."""
        return frames.Transfers(self.channel, handle, self.connection.peer_max_frame_size)

    def next_delivery_id(self) -> int:
        """The id of the next delivery out."""
        self._next_delivery_id = serial(self._next_delivery_id + 1)
        return serial(self._next_delivery_id - 1)

    def settle(self, delivery_id: int, problem: AmqpError | None) -> None:
        """Tell the client what became of its delivery."""
        self.write(frames.disposition(self.channel, delivery_id, problem))

    def send_flow(self, handle: int, delivery_count: int, credit: int, *, drain: bool = False) -> None:
        """Tell the client a link's credit and count."""
        self.write(self._flow(handle=handle, delivery_count=delivery_count, credit=credit, drain=drain))

    def _flow(self, **link: Any) -> bytes:
        return frames.flow(
            self.channel,
            next_incoming_id=self._next_incoming_id,
            next_outgoing_id=self._next_outgoing_id,
            **link,
        )

    def answer(self, node: str, reply: bytes) -> None:
        """Send a node's reply on the newest link from it; without one nobody is listening."""
        for link in reversed(self._links.values()):
            if isinstance(link, AnswerLink) and link.node == node and not link.detached:
                link.put(reply)
                return

    def _window(self) -> int:
        room = serial(self._window_end - self._next_outgoing_id)
        return room if room <= frames.WINDOW else 0

    def chunk(self) -> int:
        """How many deliveries a link may send at once."""
        return max(1, min(_MOST_PER_CHUNK, self._window()))

    def write_transfers(self, transfers: list[bytes]) -> None:
        """Send what the client's window allows and hold back the rest."""
        self._held_back.extend(transfers)
        room = min(self._window(), len(self._held_back))
        if room:
            self._next_outgoing_id = serial(self._next_outgoing_id + room)
            self.write(b"".join([self._held_back.popleft() for _ in range(room)]))

    def pump(self) -> bool:
        """Send one chunk per link; True when more could go at once."""
        self.write_transfers([])
        more = False
        for link in tuple(self._links.values()):
            if isinstance(link, OutboundLink) and link.ready() and not self._held_back and self._window():
                link.pump()
                more = more or link.ready()
        return more and not self._held_back and self._window() > 0

    def links(self) -> list[Link]:
        """Every link that stands."""
        return [link for link in self._links.values() if not link.detached]

    def detach_unclaimed(self) -> None:
        """End the links whose token has expired."""
        for link in tuple(self._links.values()):
            if link.path is not None and not self.connection.allows(link.path):
                link.detach(AmqpError(UNAUTHORIZED, f"the token for '{link.path}' has expired"))

    def closed(self) -> None:
        """The session is gone: so are its links."""
        for link in self._links.values():
            if not link.detached:
                link.detached = True
                link.closed()
        self._links.clear()


def _address(raw_terminus: bytes) -> addresses.Address:
    terminus = codec.decode(raw_terminus)[0]
    if not isinstance(terminus, codec.Described) or not terminus.value:
        raise AmqpError(NOT_FOUND, "the link names no address")
    return addresses.parse(terminus.value[0])
