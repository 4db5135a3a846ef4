"""What a gateway says about itself: `/healthz`, `/readyz`, and `/metrics` for Prometheus.

Belongs here: the three paths and the text form of the numbers. All is answered from memory.
Does not: the verdicts (`acceptance`, `http_app`, `mqtt_bridge`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ingest_workers.gateways.acceptance import Acceptance
from ingest_workers.gateways.problems import problem

METRICS_MEDIA = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text form."""


class Metric(NamedTuple):
    """One number, or one per value of a label."""

    name: str
    """Of a counter: ends in `_total`."""
    says: str
    values: Iterable[tuple[str, float]]
    """Label, as `status="202"` or empty, and value."""


def probes(
    acceptance: Acceptance, trouble: Callable[[], str | None], metrics: Callable[[], list[Metric]]
) -> list[Route]:
    """The routes. `trouble` says why the gateway is not ready; `metrics` are its own, beside those all have."""

    async def healthz(request: Request) -> Response:
        """Whether the process can go on; where not, only a new one helps."""
        return _state(None if acceptance.alive else "sending has ended")

    async def readyz(request: Request) -> Response:
        """Whether work should come here now."""
        return _state(trouble())

    async def numbers(request: Request) -> Response:
        """All metrics."""
        found = [*_common(acceptance, trouble()), *metrics()]
        return PlainTextResponse("".join(map(_text, found)), media_type=METRICS_MEDIA)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", numbers, methods=["GET"]),
    ]


def _common(acceptance: Acceptance, trouble: str | None) -> list[Metric]:
    batches, events = acceptance.counts
    return [
        Metric("lakehouse_gateway_events_accepted_total", "Events the hub has accepted.", [("", events)]),
        Metric("lakehouse_gateway_batches_accepted_total", "Batches the hub has accepted.", [("", batches)]),
        Metric("lakehouse_gateway_held_size_bytes", "What is held for the hub.", [("", acceptance.held)]),
        Metric("lakehouse_gateway_ready", "Whether work should come here now.", [("", int(trouble is None))]),
    ]


def _text(metric: Metric) -> str:
    kind = "counter" if metric.name.endswith("_total") else "gauge"
    lines = [f"# HELP {metric.name} {metric.says}", f"# TYPE {metric.name} {kind}"]
    lines += [
        f"{metric.name}{{{label}}} {value}" if label else f"{metric.name} {value}" for label, value in metric.values
    ]
    return "\n".join(lines) + "\n"


def _state(trouble: str | None) -> Response:
    if trouble is None:
        return JSONResponse({"status": "ok"})
    return problem(503, trouble, {"Retry-After": "5"})
