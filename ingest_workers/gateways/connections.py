"""HTTP connections that are not kept waiting for ever.

Belongs here: the limits that lie before a request: how many connections, and time and size of a request's head. uvicorn
has none of its own. Does not: the body's limits (`bodies`).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from settings.gateway import Http

_LARGEST_HEAD = 32_768
_PROTOCOL: Any = AutoHTTPProtocol


def patient(http: Http) -> type[asyncio.Protocol]:
    """The protocol of uvicorn within the limits of the settings."""
    return type("Patient", (_Patient,), {"head_seconds": http.head_seconds, "most": http.connections})


class _Patient(_PROTOCOL):  # type: ignore[misc]  # uvicorn chooses it at run time: httptools where there is one, or h11
    head_seconds: float
    most: int
    _deadline: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget_deadline()
            return
        self._head += len(data)
        if self._head > _LARGEST_HEAD:
            self.transport.abort()
        elif self._deadline is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _forget_deadline(self) -> None:
        self._head = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
