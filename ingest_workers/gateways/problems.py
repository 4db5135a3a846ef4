"""Refusals as `application/problem+json` (RFC 9457).

Belongs here: which error has which status, title and headers. Does not: deciding to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from ingest_workers.gateways.acceptance import BusyError, TooLargeError
from ingest_workers.gateways.callers import DeviceMissingError, ForbiddenError, UnknownCallerError
from ingest_workers.gateways.framing import FaultsError, NotFramedError, TooManyError, UnsupportedError
from ingest_workers.gateways.hub import RefusedError
from ingest_workers.gateways.rate import TooFastError

MEDIA = "application/problem+json"
CHALLENGE = 'Bearer realm="telemetry", ApiKey realm="telemetry"'


class BodyTooLargeError(Exception):
    """The body is larger than the gateway takes."""


class BodyTooSlowError(Exception):
    """The body did not arrive in time."""


TITLES: dict[int, str] = {
    400: "The body cannot be cut into events",
    401: "Who are you?",
    403: "Not with this credential",
    404: "There is nothing here",
    405: "Not with this method",
    408: "The body took too long",
    413: "Too large",
    415: "Not a content type or encoding for this",
    422: "An event cannot be taken as it is",
    429: "Too fast",
    500: "A defect of the gateway",
    503: "The hub cannot take more now",
}

STATUS: dict[type[Exception], int] = {
    NotFramedError: 400,
    UnknownCallerError: 401,
    ForbiddenError: 403,
    BodyTooSlowError: 408,
    BodyTooLargeError: 413,
    TooLargeError: 413,
    TooManyError: 413,
    UnsupportedError: 415,
    DeviceMissingError: 422,
    RefusedError: 422,
    TooFastError: 429,
    ConnectionError: 503,
    BusyError: 503,
}
"""Every refusal with its status, but for `FaultsError`, whose items say."""
REFUSALS: tuple[type[Exception], ...] = (*STATUS, FaultsError)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """The document."""
    content = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail, **more}
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA)


def answer(error: Exception) -> JSONResponse:
    """The response to one of `REFUSALS`."""
    if isinstance(error, FaultsError):
        faults = [{"index": fault.index, "status": fault.status, "detail": fault.detail} for fault in error.faults]
        statuses = {fault.status for fault in error.faults}
        return problem(statuses.pop() if len(statuses) == 1 else 422, str(error), items=faults)
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    elif isinstance(error, (TooFastError, BusyError)):
        headers["Retry-After"] = str(error.retry_after)
    elif status == 503:
        headers["Retry-After"] = "5"
    return problem(status, str(error), headers)
