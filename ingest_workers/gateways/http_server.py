"""The HTTP gateway as a process.

Belongs here: putting hub, requests and server together, and signals. Does not: any of the three.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable

import structlog

from ingest_workers.gateways.acceptance import DRAIN_SECONDS, Acceptance
from ingest_workers.gateways.connections import patient
from ingest_workers.gateways.http_app import HttpGateway, application
from ingest_workers.gateways.hub import Hub
from ingest_workers.gateways.serving import listening, server
from settings.model import Settings

log = structlog.get_logger(__name__)


def run_http(settings: Settings, ready: Callable[[int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the port. Raises: ValueError; ConnectionError for a taken port."""
    http = settings.gateway.http
    with listening(http.host, http.port, "LAKE_GATEWAY__HTTP__PORT") as listener:
        asyncio.run(_serve(settings, listener, ready))


async def _serve(settings: Settings, listener: socket.socket, ready: Callable[[int], None] | None) -> None:
    http = settings.gateway.http
    acceptance = Acceptance(Hub(settings.event_hubs), settings.gateway.buffer_bytes)
    gateway = HttpGateway(settings.gateway, acceptance)
    port = listener.getsockname()[1]

    def started() -> None:
        log.info("the HTTP gateway listens", host=http.host, port=port, tls=http.certificate is not None)
        if http.certificate is None and http.host not in {"127.0.0.1", "::1", "localhost"}:
            log.warning("keys and data arrive in the clear: TLS must have ended at an ingress in front of this gateway")
        if ready is not None:
            ready(port)

    running = server(
        application(gateway, started),
        settings.gateway.accept_seconds + DRAIN_SECONDS,
        http=patient(http),
        ssl_certfile=http.certificate,
        ssl_keyfile=http.private_key,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.end)
    async with acceptance.running():
        await running.serve(sockets=[listener])
    batches, events = acceptance.counts
    log.info("the HTTP gateway ended", events=events, batches=batches, answered=dict(gateway.answered))
