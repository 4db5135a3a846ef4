"""The HTTP gateway as an application: `POST /v1/telemetry`, and what says how it is.

Belongs here: the order of a request's questions: who, how fast, how large, which events, and has the hub accepted them.
Each is answered before the next one costs anything.
Does not: listening (`http_server`), or any of the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingest_workers.gateways import framing, problems
from ingest_workers.gateways.acceptance import Acceptance
from ingest_workers.gateways.bodies import Body
from ingest_workers.gateways.callers import ApiKeys, Caller, UnknownCallerError
from ingest_workers.gateways.openapi import document
from ingest_workers.gateways.probes import Metric, probes
from ingest_workers.gateways.rate import Buckets
from ingest_workers.gateways.signing_keys import SigningKeys
from ingest_workers.gateways.tokens import Tokens
from settings.failpoints import reach
from settings.gateway import Gateway

log = structlog.get_logger(__name__)


class HttpGateway:
    """The answers to requests. Raises ValueError at once where nobody could send."""

    def __init__(self, settings: Gateway, acceptance: Acceptance) -> None:
        self._settings = settings
        self.acceptance = acceptance
        self._keys = ApiKeys(settings)
        self._tokens = Tokens(settings.jwt, SigningKeys(settings.jwt)) if settings.jwt.issuer else None
        if not self._keys and self._tokens is None:
            raise ValueError(
                "nobody may send: give LAKE_GATEWAY__API_KEYS, LAKE_GATEWAY__API_KEYS_FILE or LAKE_GATEWAY__JWT__…; "
                "`lakehouse gateway key` makes a key"
            )
        self._buckets = Buckets(settings.burst_seconds)
        self._document = document(settings)
        self.answered: Counter[int] = Counter()
        """Requests by status."""

    async def telemetry(self, request: Request) -> Response:
        """202 when the hub has accepted every event of the request, and a problem otherwise."""
        body = Body(request)
        try:
            count = await self._taken(request, body)
        except problems.REFUSALS as refusal:
            response: Response = problems.answer(refusal)
            if not await body.leave():
                response.headers["Connection"] = "close"
        except ClientDisconnect:
            response = Response(status_code=400)  # to nobody
        else:
            reach("gateway.before_answer")
            response = JSONResponse({"accepted": count}, 202)
        self.answered[response.status_code] += 1
        return response

    async def _taken(self, request: Request, body: Body) -> int:
        caller = await self._caller(request)
        rate = caller.events_per_second or self._settings.events_per_second
        self._buckets.check(caller.name, rate)
        limits = self._settings.http
        with self.acceptance.holding() as hold:
            content = await body.read(hold, most=limits.body_bytes, seconds=limits.body_seconds)
            found = framing.events(_framed(request, content), caller, limits.batch_events)
            self._buckets.charge(caller.name, rate, len(found))
            await self.acceptance.accept(found, self._settings.accept_seconds)
        return len(found)

    async def _caller(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token and self._tokens is not None:
            return await self._tokens.caller(token.strip())
        key = request.headers.get("x-api-key")
        if key is None:
            raise UnknownCallerError("send X-Api-Key, or Authorization: Bearer with a token")
        return self._keys.caller(key)

    async def openapi(self, request: Request) -> Response:
        """What this gateway offers, as OpenAPI."""
        return JSONResponse(self._document)

    def metrics(self) -> list[Metric]:
        """Requests by status."""
        answered = [(f'status="{status}"', count) for status, count in sorted(self.answered.items())]
        return [Metric("lakehouse_gateway_requests_total", "Requests answered.", answered)]


def application(gateway: HttpGateway, started: Callable[[], None] | None = None) -> Starlette:
    """The routes around a gateway."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if started is not None:
            started()
        yield

    return Starlette(
        routes=[
            Route("/v1/telemetry", gateway.telemetry, methods=["POST"]),
            Route("/openapi.json", gateway.openapi, methods=["GET"]),
            *probes(gateway.acceptance, lambda: gateway.acceptance.trouble, gateway.metrics),
        ],
        exception_handlers={HTTPException: _no_route, Exception: _defect},
        lifespan=lifespan,
    )


def _framed(request: Request, body: bytes) -> framing.Request:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    query = request.query_params
    return framing.Request(
        body=body,
        content_type=request.headers.get("content-type"),
        content_encoding=None if encoding == "identity" else encoding,
        device=query.get("device"),
        schema=query.get("schema"),
        message_id=query.get("message_id"),
    )


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problems.problem(error.status_code, f"{request.method} {request.url.path}", error.headers)


async def _defect(request: Request, error: Exception) -> Response:
    log.error("a request failed", error=f"{type(error).__name__}: {error}", exc_info=error)
    return problems.problem(500, "the request may be sent again")
