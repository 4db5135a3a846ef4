"""The idle timeouts of one connection, one for each direction.

Belongs here: when a client has been silent for too long, and when it has to be shown that the server lives. Does not:
what is done about either (`connection`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Heartbeat:
    """Watches for silence from its start on.

    Args:
        loop: whose time it goes by.
        patience: seconds without a word after which `on_silence` is called, once.
        on_silence: ends the connection.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: float, on_silence: Callable[[], None]) -> None:
        self._loop = loop
        self._patience = patience
        self._on_silence = on_silence
        self._last_heard = loop.time()
        self._silence: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._listen()

    def heard(self) -> None:
        """The client said something. Called for every piece that the socket brings, so no timer is touched."""
        self._last_heard = self._loop.time()

    def _listen(self) -> None:
        left = self._last_heard + self._patience - self._loop.time()
        if left > 0:
            self._silence = self._loop.call_later(left, self._listen)
        else:
            self._on_silence()

    def beat(self, seconds: float, send: Callable[[], None]) -> None:
        """Call `send` at once, and every so many seconds from now on."""
        send()
        self._beat = self._loop.call_later(seconds, self.beat, seconds, send)

    def stop(self) -> None:
        """The connection is over."""
        for timer in (self._silence, self._beat):
            if timer is not None:
                timer.cancel()
