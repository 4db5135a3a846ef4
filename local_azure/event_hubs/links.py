"""Links: credit, deliveries and their end, whatever flows over them.

Belongs here: what the standard asks of any sender and any receiver. Does not: events (`event_links`), requests
and responses (`requests`), the frames of a session (`session`).

Names are from this server's side: an inbound link brings messages in, an outbound link takes them out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from local_azure.event_hubs import codec, frames
from local_azure.event_hubs.errors import DECODE_ERROR, MESSAGE_TOO_LARGE, NOT_ALLOWED, AmqpError

if TYPE_CHECKING:
    from local_azure.event_hubs.faults import Fault
    from local_azure.event_hubs.session import Session

_SERIAL = 2**32
# The SDK cannot ask for more by itself without harm, so credit is renewed while it still has half.
_INBOUND_CREDIT = 1000


def serial(number: int) -> int:
    """A counter as AMQP counts: modulo 2**32."""
    return number % _SERIAL


class Link:
    """One end of a link. `path` is what the client needs a claim for; None for nodes open to all."""

    def __init__(self, session: Session, handle: int, path: str | None) -> None:
        self.session = session
        self.handle = handle
        self.path = path
        self.detached = False

    def concerned_by(self, fault: Fault) -> bool:
        """Whether a fault is about this link; only those that carry events are concerned."""
        return False

    def described(self) -> dict[str, Any]:
        """What a person would want to know of it."""
        return {"path": self.path}

    def attached(self) -> None:
        """Called once, after the client was told that the link stands."""

    def on_flow(self, flow: frames.Frame) -> None:
        """The client's link state; only its sender's partner cares."""

    def on_transfer(self, transfer: frames.Frame) -> None:
        """A piece of a delivery from the client."""
        raise AmqpError(NOT_ALLOWED, "the client receives on this link; it cannot send on it")

    def closed(self) -> None:
        """Called once when the link is gone, whoever ended it."""

    def detach(self, problem: AmqpError) -> None:
        """End the link from this side. What the client still sends on it is ignored."""
        if not self.detached:
            self.detached = True
            self.session.write(frames.detach(self.session.channel, self.handle, problem))
            self.closed()


class InboundLink(Link, ABC):
    """Takes deliveries, in one frame or many, settles each, and keeps the client in credit."""

    def __init__(self, session: Session, handle: int, path: str | None, delivery_count: int) -> None:
        super().__init__(session, handle, path)
        self._delivery_count = delivery_count
        self._credit = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._delivery: tuple[int, int, bool] | None = None

    @abstractmethod
    def receive(self, payload: bytes, message_format: int) -> None:
        """Take one whole message; an AmqpError rejects it, malformed bytes do too."""

    def attached(self) -> None:
        """Give the client its first credit."""
        self._renew_credit()

    def on_flow(self, flow: frames.Frame) -> None:
        """Repeat the credit if asked to; the client's own view of it does not matter."""
        if codec.decode(flow.fields[9])[0]:
            self._send_flow()

    def on_transfer(self, transfer: frames.Frame) -> None:
        """Collect the piece; with the last one the delivery is whole."""
        _, delivery_id, _, message_format, settled, more, _, _, _, aborted, _ = (
            codec.decode(raw)[0] for raw in transfer.fields
        )
        if self._delivery is None:
            if delivery_id is None:
                raise codec.DecodeError("the first transfer of a delivery has no delivery-id")
            self._delivery = (delivery_id, message_format or 0, False)
        first_id, message_format, was_settled = self._delivery
        self._delivery = (first_id, message_format, was_settled or bool(settled))
        self._size += len(transfer.payload)
        if self._size <= self.session.broker.max_message_size:
            self._parts.append(transfer.payload)
        if aborted or not more:
            self._complete(aborted=bool(aborted))

    def _complete(self, *, aborted: bool) -> None:
        assert self._delivery is not None
        delivery_id, message_format, settled = self._delivery
        payload, size = b"".join(self._parts), self._size
        self._delivery, self._parts, self._size = None, [], 0
        self._delivery_count = serial(self._delivery_count + 1)
        self._credit -= 1
        if not aborted:
            problem = self._take(payload, size, message_format)
            if not settled:
                self.settle(delivery_id, problem)
        if self._credit <= _INBOUND_CREDIT // 2 and not self.detached:
            self._renew_credit()

    def settle(self, delivery_id: int, problem: AmqpError | None) -> None:
        """Tell the client what became of its delivery."""
        if not self.detached:
            self.session.settle(delivery_id, problem)

    def _take(self, payload: bytes, size: int, message_format: int) -> AmqpError | None:
        limit = self.session.broker.max_message_size
        if size > limit:
            return AmqpError(MESSAGE_TOO_LARGE, f"the message has {size} bytes; at most {limit} are taken")
        try:
            self.receive(payload, message_format)
        except AmqpError as problem:
            return problem
        except codec.MALFORMED as problem:
            return AmqpError(DECODE_ERROR, f"the message cannot be read: {problem}")
        return None

    def _renew_credit(self) -> None:
        self._credit = _INBOUND_CREDIT
        self._send_flow()

    def _send_flow(self) -> None:
        self.session.send_flow(self.handle, self._delivery_count, max(0, self._credit))


class OutboundLink(Link, ABC):
    """Sends settled deliveries as far as the client gave credit."""

    def __init__(self, session: Session, handle: int, path: str | None) -> None:
        super().__init__(session, handle, path)
        self.credit = 0
        self._delivery_count = 0
        self._draining = False
        self._transfers = session.transfers(handle)

    @abstractmethod
    def waiting(self) -> bool:
        """Whether there is anything to send."""

    @abstractmethod
    def take(self, most: int) -> list[bytes]:
        """The next messages, encoded: at least one, at most `most`."""

    def on_flow(self, flow: frames.Frame) -> None:
        """Take the credit the client gives."""
        _, _, _, _, _, seen, credit, _, drain, echo, _ = (codec.decode(raw)[0] for raw in flow.fields)
        # The client may have written this before it saw the latest deliveries: count from what it saw.
        limit = serial((seen or 0) + (credit or 0))
        ahead = serial(limit - self._delivery_count)
        self.credit = ahead if ahead < _SERIAL // 2 else 0
        self._draining = bool(drain)
        if echo and not drain:
            self._send_flow()
        self.session.connection.schedule_pump()

    def ready(self) -> bool:
        """Whether `pump` would send something."""
        return not self.detached and (self._draining or (self.credit > 0 and self.waiting()))

    def pump(self) -> None:
        """Send one chunk."""
        if self.credit > 0 and self.waiting():
            messages = self.take(min(self.credit, self.session.chunk()))
            sent: list[bytes] = []
            for message in messages:
                self._transfers.write(self.session.next_delivery_id(), message, sent)
            self.credit -= len(messages)
            self._delivery_count = serial(self._delivery_count + len(messages))
            self.session.write_transfers(sent)
        if self._draining and (not self.credit or not self.waiting()):
            self._draining = False
            self._delivery_count = serial(self._delivery_count + self.credit)
            self.credit = 0
            self._send_flow(drain=True)

    def _send_flow(self, *, drain: bool = False) -> None:
        self.session.send_flow(self.handle, self._delivery_count, self.credit, drain=drain)
