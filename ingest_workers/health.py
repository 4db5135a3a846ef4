"""Health over HTTP: `/healthz` (alive), `/readyz` (takes events over), `/metrics` (Prometheus).

Belongs here: the small server and the three answers. It is off unless a port is set.
Does not: the verdicts (`standing`), or the metrics themselves (`telemetry`).

A probe answers from memory: it asks neither the hub nor the lake, so it can be asked as often as one likes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from ingest_workers.standing import Standing

log = structlog.get_logger(__name__)

Metrics = Callable[[], tuple[str, bytes]]
"""Content type and body of `/metrics`."""


class HealthServer:
    """Answers probes from a thread of its own."""

    def __init__(
        self, standing: Standing, metrics: Metrics | None, *, host: str, port: int, stall_seconds: float
    ) -> None:
        """Bind; `port` 0 takes a free one. Raises: RuntimeError where the port is taken."""
        answers = {
            "/healthz": lambda: _alive(standing, stall_seconds),
            "/readyz": lambda: _ready(standing),
            "/metrics": lambda: _metrics(metrics),
        }
        handler = type("Probe", (_Probe,), {"answers": answers})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as problem:
            raise RuntimeError(
                f"the health server cannot listen on {host}:{port}: {problem.strerror}. "
                f"Name another port by LAKE_OPERATIONS__HEALTH_PORT, or 0 for a free one."
            ) from problem
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self._server.server_address[0]!s}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        log.info("health server listens", url=self.url)

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)


Answer = tuple[HTTPStatus, str, bytes]


def _alive(standing: Standing, stall_seconds: float) -> Answer:
    why_not = standing.why_not_alive(stall_seconds)
    return _said({"alive": why_not is None, "why_not": why_not}, good=why_not is None)


def _ready(standing: Standing) -> Answer:
    facts = standing.facts()
    return _said({"ready": not facts["not_ready"], **facts}, good=not facts["not_ready"])


def _metrics(metrics: Metrics | None) -> Answer:
    if metrics is None:
        said = b"no metrics: install the extra with  pip install '.[worker]'\n"
        return HTTPStatus.NOT_IMPLEMENTED, "text/plain; charset=utf-8", said
    return HTTPStatus.OK, *metrics()


def _said(answer: dict[str, Any], *, good: bool) -> Answer:
    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "application/json", json.dumps(answer, default=_plain).encode() + b"\n"


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class _Probe(BaseHTTPRequestHandler):
    answers: dict[str, Callable[[], Answer]]
    timeout = 5.0

    def do_GET(self) -> None:
        """One of the three, or a list of them."""
        answer = self.answers.get(self.path.partition("?")[0])
        if answer is None:
            found: Answer = (
                HTTPStatus.NOT_FOUND,
                "text/plain; charset=utf-8",
                "\n".join(self.answers).encode() + b"\n",
            )
        else:
            found = answer()
        status, content_type, body = found
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it
        """Nothing: a probe every few seconds would be all the log."""
