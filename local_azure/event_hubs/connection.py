"""One TCP connection: protocol headers, SASL, frames in and out, and the claims put on it.

Belongs here: the order in which a connection comes and goes. Does not: sessions and links.

SASL is always ANONYMOUS, as with the service: a client proves itself by putting a token on `$cbs`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any

from local_azure.event_hubs import cbs, codec, control_http, frames
from local_azure.event_hubs.broker import Broker
from local_azure.event_hubs.clock import wall_seconds
from local_azure.event_hubs.errors import (
    CONNECTION_FORCED,
    DECODE_ERROR,
    FRAMING_ERROR,
    INTERNAL_ERROR,
    NOT_ALLOWED,
    AmqpError,
)
from local_azure.event_hubs.faults import Kind
from local_azure.event_hubs.heartbeat import Heartbeat
from local_azure.event_hubs.links import Link
from local_azure.event_hubs.session import Session

_logger = logging.getLogger(__name__)

_SASL_HEADER = b"AMQP\x03\x01\x00\x00"
_AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
_CONTAINER = "local-event-hubs"
_HIGH_WATER, _LOW_WATER = 2 * 1024 * 1024, 512 * 1024
_NO_LIMIT = 2**32 - 1


class _Phase(Enum):
    HEADER = auto()
    SASL = auto()
    FRAMES = auto()
    OVER = auto()


class Connection(asyncio.Protocol):
    """Reads frames as they come, hands them to sessions, and pumps events out while the socket takes them."""

    def __init__(
        self, broker: Broker, open_connections: set[Connection], side_door: Callable[[], asyncio.Protocol]
    ) -> None:
        self.broker = broker
        self.peer_max_frame_size = _NO_LIMIT
        self._open_connections = open_connections
        self._side_door = side_door
        self._claims = cbs.Claims()
        self._sessions: dict[int, Session] = {}
        self._ended: set[int] = set()
        self._buffer = bytearray()
        self._phase = _Phase.HEADER
        self._loop = asyncio.get_running_loop()
        self._expiry: asyncio.TimerHandle | None = None
        self._pump_scheduled = False
        self._writable = True
        self._opened = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER, low=_LOW_WATER)
        self._open_connections.add(self)
        # A client may be told half of what it is granted; the standard asks for that much forbearance.
        self._heartbeat = Heartbeat(self._loop, 2 * self.broker.idle_timeout, self._end_silence)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone, and with it everything that was on it."""
        self._phase = _Phase.OVER
        self._open_connections.discard(self)
        self._heartbeat.stop()
        if self._expiry is not None:
            self._expiry.cancel()
        for session in self._sessions.values():
            session.closed()
        self._sessions.clear()

    def pause_writing(self) -> None:
        """The client reads more slowly than it asked for; wait."""
        self._writable = False

    def resume_writing(self) -> None:
        """The socket takes bytes again."""
        self._writable = True
        self.schedule_pump()

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is over."""
        if self._phase is not _Phase.OVER:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Take what the socket brought; a client that breaks the protocol is told so and cut off."""
        if self._phase is _Phase.HEADER and control_http.is_http(data):
            self._hand_over(data)
            return
        self._heartbeat.heard()
        self._buffer += data
        try:
            self._read()
        except AmqpError as problem:
            self.shut(problem)
        except codec.MALFORMED as problem:
            self.shut(AmqpError(DECODE_ERROR, f"a frame cannot be read: {problem}"))
        except Exception as problem:  # a fault of ours must not take the other connections down
            _logger.exception("a connection failed")
            self.shut(AmqpError(INTERNAL_ERROR, str(problem)))

    def _hand_over(self, data: bytes) -> None:
        """Somebody knocks at the side door."""
        self._open_connections.discard(self)
        self._heartbeat.stop()
        visitor = self._side_door()
        self._transport.set_protocol(visitor)
        visitor.connection_made(self._transport)
        visitor.data_received(data)

    def _end_silence(self) -> None:
        told = f"nothing was heard for {2 * self.broker.idle_timeout:g} s, twice the idle timeout"
        self.shut(AmqpError(CONNECTION_FORCED, told))

    def _read(self) -> None:
        at = 0
        while self._phase is not _Phase.OVER and len(self._buffer) - at >= frames.HEADER.size:
            if self._buffer[at : at + 4] == b"AMQP":
                self._on_header(bytes(self._buffer[at : at + 8]))
                at += 8
                continue
            size, offset, _, _ = frames.HEADER.unpack_from(self._buffer, at)
            if self._phase is _Phase.HEADER or offset < 2 or not 8 <= size <= self.broker.max_frame_size:
                raise AmqpError(FRAMING_ERROR, f"a frame of {size} bytes cannot be; is this an AMQP client?")
            if len(self._buffer) - at < size:
                break
            frame = frames.read(bytes(self._buffer[at : at + size]))
            at += size
            if frame is not None:
                self._on_frame(frame)
        del self._buffer[:at]

    def _on_header(self, header: bytes) -> None:
        if self.broker.faults.strike(Kind.DROP):
            self.abort()
        elif self._phase is _Phase.HEADER and header == _SASL_HEADER:
            self._phase = _Phase.SASL
            self.write(_SASL_HEADER + frames.sasl_mechanisms())
        elif self._phase is _Phase.HEADER and header == _AMQP_HEADER:
            self._phase = _Phase.FRAMES
            self.write(_AMQP_HEADER)
        else:
            # The standard's answer to a wrong header: the right one, and goodbye.
            self.write(_SASL_HEADER)
            self._hang_up()

    def _on_frame(self, frame: frames.Frame) -> None:
        if self._phase is _Phase.SASL:
            if frame.code != frames.SASL_INIT:
                raise AmqpError(NOT_ALLOWED, "expected sasl-init")
            mechanism = codec.decode(frame.fields[0])[0]
            self.write(frames.sasl_outcome(0 if mechanism == "ANONYMOUS" else 1))
            self._phase = _Phase.HEADER
        elif frame.code == frames.OPEN:
            self._on_open(frame)
        elif not self._opened:
            raise AmqpError(NOT_ALLOWED, "expected open")
        elif frame.code == frames.CLOSE:
            self.write(frames.close())
            self._hang_up()
        elif frame.code == frames.BEGIN:
            self._ended.discard(frame.channel)
            self._sessions[frame.channel] = Session(self, frame)
        elif frame.channel in self._sessions:
            self._on_session_frame(frame)
        elif frame.channel not in self._ended:
            raise AmqpError(NOT_ALLOWED, f"no session has begun on channel {frame.channel}")

    def _on_open(self, frame: frames.Frame) -> None:
        _, _, max_frame_size, _, idle_ms, *_ = (codec.decode(raw)[0] for raw in frame.fields)
        if self._opened:
            raise AmqpError(NOT_ALLOWED, "the connection is open already")
        self._opened = True
        self.peer_max_frame_size = max(512, max_frame_size or _NO_LIMIT)
        self.write(frames.open_(_CONTAINER, self.broker.max_frame_size, int(self.broker.idle_timeout * 1000)))
        if idle_ms:
            self._heartbeat.beat(idle_ms / 2000, lambda: self.write(frames.EMPTY_FRAME))

    def _on_session_frame(self, frame: frames.Frame) -> None:
        session = self._sessions[frame.channel]
        problem: AmqpError | None = None
        if frame.code != frames.END:
            try:
                session.on_frame(frame)
            except AmqpError as raised:
                problem = raised
            else:
                return
        self.write(frames.end(frame.channel, problem))
        if problem is not None:
            self._ended.add(frame.channel)
        del self._sessions[frame.channel]
        session.closed()

    def schedule_pump(self) -> None:
        """Have waiting messages sent soon; many calls before that are one."""
        if not self._pump_scheduled and self._phase is _Phase.FRAMES:
            self._pump_scheduled = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_scheduled = False
        more = False
        for session in tuple(self._sessions.values()):
            if not self._writable:
                return  # resume_writing starts again
            more = session.pump() or more
        if more and self._writable:
            self.schedule_pump()

    def put_claim(self, claim: cbs.Claim) -> None:
        """Add a claim and watch for its end."""
        self._claims.put(claim)
        self._watch_expiry()

    def expire_claims(self) -> None:
        """End every claim now."""
        self._claims.expire()
        self._expired()

    def links(self) -> Iterator[Link]:
        """Every link that stands."""
        for session in self._sessions.values():
            yield from session.links()

    def described(self) -> dict[str, Any]:
        """What a person would want to know of it."""
        return {"links": [link.described() for link in self.links() if link.path is not None]}

    def allows(self, path: str) -> bool:
        """Whether a token was put that covers `path`."""
        return self._claims.allow(path, wall_seconds())

    def _watch_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        now = wall_seconds()
        expires = self._claims.next_expiry(now)
        self._expiry = None if expires is None else self._loop.call_later(expires - now + 0.1, self._expired)

    def _expired(self) -> None:
        for session in self._sessions.values():
            session.detach_unclaimed()
        self._watch_expiry()

    def shut(self, problem: AmqpError) -> None:
        """Close from this side, saying why."""
        if self._opened:
            self.write(frames.close(problem))
        self._hang_up()

    def abort(self) -> None:
        """Cut the client off, as a network does: without a word."""
        self._phase = _Phase.OVER
        self._transport.abort()

    def stop(self) -> None:
        """The server is going: say so, as the service does when it moves a container."""
        self.shut(AmqpError(CONNECTION_FORCED, "the server is shutting down"))

    def _hang_up(self) -> None:
        self._phase = _Phase.OVER
        self._transport.close()
