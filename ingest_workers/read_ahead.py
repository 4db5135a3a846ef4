"""A socket that reads ahead, so that most reads ask the kernel nothing.

Belongs here: `ReadAhead`, which stands in for the socket of a connection.
Does not: frames or connections (the SDK).

The SDK reads each frame by two calls, and every call gives up Python's lock: with several partitions the threads
spend a third of their time handing it over. Most of those calls find what an earlier one brought.
"""

from __future__ import annotations

from typing import Any

READ_AHEAD = 256 * 1024


class ReadAhead:
    """Reads through a buffer; everything else is the socket's own."""

    def __init__(self, socket: Any, size: int = READ_AHEAD) -> None:
        self._socket = socket
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0

    def recv_into(self, target: memoryview) -> int:
        """As the socket's own; waits only where nothing is left from before."""
        if self._begin == self._end:
            if len(target) >= len(self._buffer):
                return int(self._socket.recv_into(target))
            self._begin, self._end = 0, self._socket.recv_into(self._buffer)
        count = min(len(target), self._end - self._begin)
        target[:count] = self._view[self._begin : self._begin + count]
        self._begin += count
        return count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def read_ahead(transport: Any) -> bool:
    """Make a connection's transport read ahead; says whether it does. WebSockets bring whole messages by themselves."""
    socket = getattr(transport, "sock", None)
    if not callable(getattr(socket, "recv_into", None)):
        return False
    if not isinstance(socket, ReadAhead):
        transport.sock = ReadAhead(socket)
    return True
