"""What is wanted around a worker: its card, its health server, its telemetry.

Belongs here: settings to observers, started before the worker and ended after it, however it ends.
Does not: any of the three (`fleet`, `health`, `telemetry`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ingest_workers.fleet import Card, seat
from ingest_workers.health import HealthServer
from ingest_workers.observer import Observer, Several
from ingest_workers.standing import Standing
from ingest_workers.telemetry import telemetry_of
from lake.store import Lake
from settings.model import Settings


@contextmanager
def watched(settings: Settings, lake: Lake) -> Iterator[Observer]:
    """An observer for one run of a worker, as `LAKE_OPERATIONS__…` and the `OTEL_` variables describe it.

    Raises: RuntimeError where the health server's port is taken.
    """
    wanted = settings.operations
    standing = Standing()
    with ExitStack() as stack:
        name = stack.enter_context(seat(settings.home, settings.bronze.worker))
        probes: dict[str, str] = {}
        card = Card(lake, name, lambda: {**standing.facts(), **probes}, every=wanted.card_seconds)
        telemetry = telemetry_of(
            standing, worker=name, restarts=card.restarts, prometheus=wanted.health_port is not None
        )
        if telemetry is not None:
            stack.callback(telemetry.close)
        if wanted.health_port is not None:
            server = HealthServer(
                standing,
                telemetry.metrics if telemetry else None,
                host=wanted.health_host,
                port=wanted.health_port,
                stall_seconds=wanted.stall_seconds,
            )
            server.start()
            probes["probes"] = server.url
            stack.callback(server.stop)
        card.start()
        stack.callback(card.stop)
        try:
            yield Several([standing] if telemetry is None else [standing, telemetry])
        except BaseException as problem:
            standing.ended(f"{type(problem).__name__}: {problem}")
            raise
        standing.ended("as planned")
