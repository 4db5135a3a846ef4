"""The MQTT gateway as a process.

Belongs here: putting hub, session and probes together, and signals. Does not: any of the three.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack

import structlog
from starlette.applications import Starlette

from ingest_workers.gateways.acceptance import Acceptance
from ingest_workers.gateways.hub import Hub
from ingest_workers.gateways.mqtt_bridge import Bridge
from ingest_workers.gateways.probes import Metric, probes
from ingest_workers.gateways.serving import listening, server
from settings.model import Settings

log = structlog.get_logger(__name__)

Ready = Callable[[str, int | None], None]
"""Called once with the subscription and the port of the probes."""


def run_mqtt(settings: Settings, ready: Ready | None = None) -> None:
    """Subscribe until SIGTERM or SIGINT. Raises: BrokerRefusedError, ValueError; ConnectionError for a taken port."""
    if not settings.gateway.mqtt.host:
        raise ValueError("no MQTT broker is named: set LAKE_GATEWAY__MQTT__HOST")
    operations = settings.operations
    with ExitStack() as stack:
        listener = None
        if operations.health_port is not None:
            listener = stack.enter_context(
                listening(operations.health_host, operations.health_port, "LAKE_OPERATIONS__HEALTH_PORT")
            )
        asyncio.run(_run(settings, listener, ready))


async def _run(settings: Settings, listener: socket.socket | None, ready: Ready | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    port = None if listener is None else int(listener.getsockname()[1])
    acceptance = Acceptance(Hub(settings.event_hubs), settings.gateway.buffer_bytes)
    bridge = Bridge(
        settings.gateway.mqtt, acceptance, None if ready is None else lambda subscription: ready(subscription, port)
    )
    async with acceptance.running():
        if listener is None:
            await bridge.run(stop)
        else:
            await _beside(bridge, acceptance, listener, stop)
    log.info("the MQTT gateway ended", acknowledged=bridge.counts.acknowledged, events=acceptance.counts[1])


async def _beside(bridge: Bridge, acceptance: Acceptance, listener: socket.socket, stop: asyncio.Event) -> None:
    """Run the bridge, and answer probes meanwhile."""

    def metrics() -> list[Metric]:
        return [
            Metric(
                "lakehouse_gateway_messages_acknowledged_total",
                "Messages acknowledged.",
                [("", bridge.counts.acknowledged)],
            ),
            Metric(
                "lakehouse_gateway_messages_dropped_total", "Messages of QoS 0 not held.", [("", bridge.counts.dropped)]
            ),
        ]

    app = Starlette(routes=probes(acceptance, lambda: bridge.trouble or acceptance.trouble, metrics))
    answering = server(app, 1.0)
    task = asyncio.create_task(answering.serve(sockets=[listener]), name="probes")
    try:
        await bridge.run(stop)
    finally:
        answering.end()
        await task
