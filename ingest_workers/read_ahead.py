"""A socket that reads ahead, so that most reads ask the kernel nothing, and frames that are cut from what it has.

Belongs here: `ReadAhead`, which stands in for the socket of a connection, and `Frames`, which stands in for the reading
of transfers that are there as a whole.
Does not: any other frame, connections, links (the SDK), or messages (`amqp_message`).

The SDK reads each frame by two calls, and every call gives up Python's lock: with several partitions the threads
spend a third of their time handing it over. Most of those calls find what an earlier one brought.

And it hands over what it has read only after so many frames, or once nothing came for 0.2 s. On a stream that trickles
without such a pause, 100 events a second take half a minute to make 3,000 frames: so waiting for frames has an end.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

READ_AHEAD = 256 * 1024
FRAME_HEADER = 8


class ReadAhead:
    """Reads through a buffer; everything else is the socket's own."""

    def __init__(self, socket: Any, size: int = READ_AHEAD) -> None:
        self._socket = socket
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0
        self.until = math.inf
        """When, by the monotonic clock, to wait for no further frame."""

    def recv_into(self, target: memoryview) -> int:
        """As the socket's own; waits only where nothing is left from before, and past `until` for no new frame."""
        if self._begin == self._end:
            if len(target) == FRAME_HEADER and time.monotonic() > self.until:
                raise TimeoutError("enough for now")
            if len(target) >= len(self._buffer):
                return int(self._socket.recv_into(target))
            self._begin, self._end = 0, self._socket.recv_into(self._buffer)
        count = min(len(target), self._end - self._begin)
        target[:count] = self._view[self._begin : self._begin + count]
        self._begin += count
        return count

    def whole_frame(self) -> tuple[bytearray, int, int] | None:
        """The buffer and where in it the next frame begins and ends, if all of it is there."""
        begin = self._begin
        if self._end - begin < 8:
            return None
        end = begin + int.from_bytes(self._buffer[begin : begin + 4], "big")
        return (self._buffer, begin, end) if end <= self._end else None

    def skip(self, to: int) -> None:
        """What lies before is read."""
        self._begin = to

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


TRANSFER = re.compile(
    rb"\x02\x00(..)\x00\x53\x14(?:\xc0.\x0b|\xd0.{4}\x00\x00\x00\x0b)(\x43|\x52.|\x70.{4})(\x43|\x52.|\x70.{4})\xa0(.)",
    re.DOTALL,
)
"""From the fifth byte of a frame: a transfer with all eleven fields, up to the length of its delivery tag."""
REST = re.compile(
    rb"(\x43|\x52.|\x70.{4})([\x41\x42])([\x41\x42])\x40\x40([\x40-\x42])([\x40-\x42])([\x40-\x42])", re.DOTALL
)
"""After the delivery tag: format, settled, more, two nulls, resume, aborted, batchable."""
FLAG = {b"\x40": None, b"\x41": True, b"\x42": False}


class Frames:
    """Reads transfers that are there as a whole; everything else, and every wait, is left to the SDK."""

    def __init__(self, ahead: ReadAhead, receive_frame: Callable[..., Any]) -> None:
        self._ahead, self._receive_frame = ahead, receive_frame
        self._in_step = False

    def __call__(self, **options: Any) -> Any:
        """As the transport's own `receive_frame`."""
        if self._in_step and (found := self._transfer()) is not None:
            return found
        channel, frame = self._receive_frame(**options)
        # Where it gave up waiting, it keeps part of a frame, and has to go on with that.
        self._in_step = frame is not None
        return channel, frame

    def _transfer(self) -> tuple[int, tuple[int, list[Any]]] | None:
        there = self._ahead.whole_frame()
        if there is None:
            return None
        buffer, begin, end = there
        begun = TRANSFER.match(buffer, begin + 4, end)
        if begun is None:
            return None
        channel, handle, delivery, size = begun.groups()
        tag_end = begun.end() + size[0]
        rest = REST.match(buffer, tag_end, end)
        if rest is None:
            return None
        message_format, settled, more, resume, aborted, batchable = rest.groups()
        self._ahead.skip(end)
        from_bytes = int.from_bytes
        return from_bytes(channel, "big"), (
            20,
            [
                from_bytes(handle[1:], "big"),
                from_bytes(delivery[1:], "big"),
                bytes(buffer[begun.end() : tag_end]),
                from_bytes(message_format[1:], "big"),
                FLAG[settled],
                FLAG[more],
                None,
                None,
                FLAG[resume],
                FLAG[aborted],
                FLAG[batchable],
                memoryview(bytes(buffer[rest.end() : end])),
            ],
        )


def read_ahead(transport: Any) -> bool:
    """Make a connection's transport read ahead; says whether it does. WebSockets bring whole messages by themselves."""
    socket = getattr(transport, "sock", None)
    if not callable(getattr(socket, "recv_into", None)):
        return False
    if not isinstance(socket, ReadAhead):
        transport.sock = ahead = ReadAhead(socket)
        if callable(getattr(transport, "receive_frame", None)):
            transport.receive_frame = Frames(ahead, transport.receive_frame)
    return True
