"""Listening for HTTP, and ending without leaving anybody unanswered.

Belongs here: the socket and uvicorn's options.
Does not: what is answered (`http_app`, `probes`), or signals (`http_server`, `mqtt_server`).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette

_KEEP_ALIVE_SECONDS = 30
_BACKLOG = 2048


class Server(uvicorn.Server):
    """Ends when told and not at a signal: uvicorn would end the process by it, before all is answered."""

    def end(self) -> None:
        """Answer what is under way and stop; the second time at once."""
        self.force_exit, self.should_exit = self.should_exit, True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not here."""
        yield


def server(app: Starlette, grace_seconds: float, **options: Any) -> Server:
    """A server of the application; `serve(sockets=[...])` runs it."""
    config = uvicorn.Config(
        app,
        ws="none",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=round(grace_seconds),
        **options,
    )
    return Server(config)


def listening(host: str, port: int, setting: str) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises: ConnectionError naming the setting to change."""
    # asyncio turns off the waiting for more to send (40 ms an answer) only where the protocol is named.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        raise ConnectionError(
            f"cannot listen on {host} port {port}: {problem.strerror}. "
            f"Choose another with {setting}, or 0 for a free one."
        ) from problem
    return listener
