"""Errors as Kusto words them: a code, a type, a message and whether trying again can help.

Belongs here: the error shapes of the wire and the translation of library errors into them.
Does not: deciding that something is wrong; that is said where it is noticed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import duckdb
from duckdb_kql.errors import KqlError, KqlSyntaxError

REQUEST_INVALID = "Request is invalid and cannot be executed."
# Failures of the endpoint's own resources: the same request may succeed later.
_TRANSIENT = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, duckdb.InternalException)


class KustoError(Exception):
    """What a client is told. `permanent` means that the same request will fail again."""

    status = 400
    code = "General_BadRequest"
    kind = "Kusto.Data.Exceptions.KustoBadRequestException"
    prefix = ""
    permanent = True

    def __init__(self, message: str) -> None:
        super().__init__(f"{self.prefix}{message}")

    def body(self, request_id: str = "") -> dict[str, Any]:
        """The `{"error": ...}` object of a one-API error."""
        return {
            "error": {
                "code": self.code,
                "message": REQUEST_INVALID,
                "@type": self.kind,
                "@message": str(self),
                "@context": {
                    "timestamp": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
                    "serviceAlias": "LOCAL",
                    "clientRequestId": request_id,
                    "activityId": str(uuid.uuid4()),
                },
                "@permanent": self.permanent,
            }
        }


class InvalidSyntaxError(KustoError):
    """The text is not KQL, or not a command."""

    code = "BadRequest_SyntaxError"
    kind = "Kusto.Data.Exceptions.SyntaxException"
    prefix = "Syntax error: "


class SemanticError(KustoError):
    """The text names something that is not there, or combines types that do not fit."""

    kind = "Kusto.Data.Exceptions.SemanticException"
    prefix = "Semantic error: "


class NotServedError(KustoError):
    """Valid in Azure, refused here: a wrong answer would be worse than none."""

    kind = "Kusto.Data.Exceptions.KustoNotSupportedException"
    prefix = "Semantic error: the local endpoint does not support this: "


class EntityNotFoundError(KustoError):
    """A table, function, database or mapping that does not exist."""

    code = "BadRequest_EntityNotFound"
    kind = "Kusto.Data.Exceptions.EntityNotFoundException"

    def __init__(self, entity: str, name: str) -> None:
        super().__init__(f"Entity ID '{name}' of kind '{entity}' was not found.")


class EntityExistsError(KustoError):
    """Creating what is already there in another shape."""

    code = "BadRequest_EntityNameAlreadyExists"
    kind = "Kusto.Data.Exceptions.EntityNameAlreadyExistsException"


class BadDataError(KustoError):
    """Data that does not fit the table it is meant for."""

    code = "BadRequest_InvalidData"
    kind = "Kusto.Data.Exceptions.KustoBadDataException"


class LimitsExceededError(KustoError):
    """A result above the row or byte limit. Reported inside a 200 answer, as Kusto does."""

    code = "LimitsExceeded"
    kind = "Kusto.Data.Exceptions.KustoServicePartialQueryFailureLimitsExceededException"
    # The reference page says permanent, recorded answers of the service say not: follow the answers.
    permanent = False

    def __init__(self, limit: str) -> None:
        super().__init__(
            "Query execution has exceeded the allowed limits (80DA0003): The results of this query exceed the "
            f"set limit of {limit}, so not all records were returned (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). "
            "See https://aka.ms/kustoquerylimits for more information and possible solutions."
        )


class TimedOutError(KustoError):
    """A request that ran longer than its `servertimeout`."""

    status = 504
    code = "RequestExecutionTimeout"
    kind = "Kusto.Data.Exceptions.KustoServiceTimeoutException"
    permanent = False


class ServiceError(KustoError):
    """The endpoint's own trouble; the request may be fine."""

    status = 500
    code = "General_InternalServerError"
    kind = "Kusto.Data.Exceptions.KustoServiceException"
    permanent = False


def as_kusto_error(error: Exception) -> KustoError:
    """Any exception as the error a client should see."""
    if isinstance(error, KustoError):
        return error
    if isinstance(error, KqlSyntaxError):
        return InvalidSyntaxError(str(error))
    if isinstance(error, KqlError):
        return SemanticError(str(error))
    if isinstance(error, _TRANSIENT):
        return ServiceError(f"{type(error).__name__}: {error}")
    if isinstance(error, duckdb.Error):
        return SemanticError(str(error))
    return ServiceError(f"{type(error).__name__}: {error}")
