"""The HTTP routes. Everything that blocks runs in a thread, so that the endpoint always answers `/healthz`."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local_azure.kusto import frames
from local_azure.kusto.commands import dispatch
from local_azure.kusto.commands.context import Context
from local_azure.kusto.errors import InvalidSyntaxError, KustoError, ServiceError, as_kusto_error
from local_azure.kusto.failpoint import Failpoints
from local_azure.kusto.frames import Answer
from local_azure.kusto.queries import Queries
from local_azure.kusto.request_properties import Properties, parse
from local_azure.kusto.storage.routes import Storage
from local_azure.kusto.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Endpoint:
    """The Kusto part: one database behind three REST routes."""

    store: Store
    queries: Queries
    failpoints: Failpoints
    origin: str

    def routes(self) -> list[Route]:
        """The routes the SDKs use; every other path is 404, which they read as "not offered"."""
        return [
            Route("/v2/rest/query", self.query_2, methods=["POST"]),
            Route("/v1/rest/query", self.query_1, methods=["POST"]),
            Route("/v1/rest/mgmt", self.management, methods=["POST"]),
            Route("/v1/rest/auth/metadata", _metadata, methods=["GET"]),
            Route("/healthz", self.health, methods=["GET"]),
        ]

    async def query_2(self, request: Request) -> Response:
        """A query, answered in version 2 frames; a command comes back as version 1 through its own route."""
        return await self._serve(request, management=False, version_2=True)

    async def query_1(self, request: Request) -> Response:
        """A query, answered as version 1 tables."""
        return await self._serve(request, management=False, version_2=False)

    async def management(self, request: Request) -> Response:
        """A management command."""
        return await self._serve(request, management=True, version_2=False)

    async def health(self, request: Request) -> Response:
        """Alive and reading requests."""
        return JSONResponse({"status": "ok", "database": self.store.database})

    async def _serve(self, request: Request, *, management: bool, version_2: bool) -> Response:
        request_id = request.headers.get("x-ms-client-request-id") or f"unspecified;{uuid.uuid4()}"
        headers = {"x-ms-client-request-id": request_id, "x-ms-activity-id": str(uuid.uuid4())}
        try:
            text, database, properties = _read(await request.body())
            body = await run_in_threadpool(
                self._answer, text, database, properties, request_id, management=management, version_2=version_2
            )
        except KustoError as error:
            return JSONResponse(error.body(request_id), error.status, headers)
        return Response(body, 200, headers, "application/json")

    def _answer(
        self,
        text: str,
        database: str | None,
        properties: Properties,
        request_id: str,
        *,
        management: bool,
        version_2: bool,
    ) -> bytes:
        try:
            self.store.check_database(database)
            answer = self._command(text, properties) if management else self._query(text, properties)
        except Exception as error:
            told = as_kusto_error(error)
            if isinstance(told, ServiceError):
                _log.exception("request failed: %s", text[:200])
            raise told from error
        if version_2:
            return frames.version_2(answer, request_id, defer_failures=properties.flag("deferpartialqueryfailures"))
        return frames.version_1(answer)

    def _query(self, text: str, properties: Properties) -> Answer:
        if text.lstrip().startswith("."):
            raise InvalidSyntaxError("management commands go to /v1/rest/mgmt")
        return self.queries.answer(text, properties)

    def _command(self, text: str, properties: Properties) -> Answer:
        context = Context(self.store, self.queries, self.failpoints, self.origin, properties.parameters)
        return dispatch.answer(context, text)


async def _metadata(request: Request) -> Response:
    # Null makes the clients take the public cloud's defaults; no token is checked here anyway.
    return JSONResponse({"AzureAD": None})


def _read(body: bytes) -> tuple[str, str | None, Properties]:
    try:
        asked: dict[str, Any] = json.loads(body)
        text, database = asked["csl"], asked.get("db")
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidSyntaxError("the request body must be JSON with `db` and `csl`") from error
    if not isinstance(text, str):
        raise InvalidSyntaxError("`csl` must be text")
    return text, database, parse(asked.get("properties"))


def application(endpoint: Endpoint, storage: Storage) -> Starlette:
    """The ASGI application."""
    return Starlette(routes=[*endpoint.routes(), *storage.routes()])
