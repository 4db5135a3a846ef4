"""Azure Data Explorer, as much of it as Gold needs.

Belongs here: connection, queries with parameters as Arrow tables, commands, queued ingestion and its reports; errors
that say which endpoint refused what.
Does not: which tables, tags and swaps there are (`assets.gold`), or any KQL.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any, Self
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import stamina
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.data.exceptions import (
    KustoApiError,
    KustoError,
    KustoNetworkError,
    KustoServiceError,
    KustoThrottlingError,
)
from azure.kusto.ingest import ColumnMapping, IngestionProperties, QueuedIngestClient, ReportLevel, StreamDescriptor
from azure.kusto.ingest.status import KustoIngestStatusQueues

from quality.contracts.kusto import literal
from settings.model import Settings

Parameter = str | date | datetime | int | float

_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "guid": pa.string(),
    "long": pa.int64(),
    "int": pa.int32(),
    "real": pa.float64(),
    "bool": pa.bool_(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
# One status queue answers `per page = n + 1`, and a page of a storage queue has at most 32 messages.
_REPORTS_AT_ONCE = 31
_THROTTLED_ATTEMPTS, _THROTTLED_SECONDS = 6, 1.0
_GATEWAY = frozenset({502, 503, 504})
_REFUSALS = 400


class KustoRefusedError(RuntimeError):
    """The endpoint did not do what it was asked; the text says what, where and why."""


class KustoUnknownError(KustoRefusedError):
    """Nobody said whether it was done: the connection was lost, or the answer was no answer."""


@dataclass(frozen=True)
class Report:
    """What became of one queued file."""

    source_id: str
    failed: bool
    details: str


class Kusto:
    """One database of one cluster, or of the local endpoint."""

    def __init__(self, uri: str, database: str, *, ingest_timeout_seconds: float = 600) -> None:
        if not uri:
            raise ValueError("no Kusto endpoint is set: start one with `lakehouse up`, or set LAKE_KUSTO__URI")
        self.uri = uri
        self.database = database
        self.ingest_timeout_seconds = ingest_timeout_seconds
        self._client = KustoClient(_connection(uri))
        # The SDK turns a host name into `ingest-<host>`, which only Azure's own names have.
        self._ingest = QueuedIngestClient(_connection(uri), auto_correct_endpoint=uri.startswith("https://"))
        self._status = KustoIngestStatusQueues(self._ingest)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The endpoint the settings name."""
        kusto = settings.kusto
        return cls(kusto.uri, kusto.database, ingest_timeout_seconds=kusto.ingest_timeout_seconds)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()
        self._ingest.close()

    def query(self, text: str, parameters: Mapping[str, Parameter] | None = None) -> pa.Table:
        """The primary result of a query. Reads may be repeated, so what may pass is tried three times.

        Raises: KustoRefusedError, also when the service cuts the result: no partial answer is ever returned.
        """
        properties = ClientRequestProperties()
        for name, value in (parameters or {}).items():
            # The service takes text for a string parameter as it is, and a literal for any other.
            properties.set_parameter(name, value if isinstance(value, str) else literal(value))
        for turn in stamina.retry_context(on=_may_pass, attempts=3, wait_initial=0.2, wait_max=5):
            with turn:
                return self._answered(self._client.execute_query, text, properties)
        raise AssertionError("unreachable: the last attempt raises")

    def command(self, text: str, *, repeatable: bool = False) -> list[dict[str, Any]]:
        """The rows a management command answers with.

        One that was throttled was not begun, and is tried again for about a minute. One whose outcome is unknown is
        tried again only if it is `repeatable`: if doing it twice is the same as doing it once.
        Raises: KustoUnknownError where it may have been done; KustoRefusedError where it was not.
        """
        for turn in stamina.retry_context(
            on=_throttled, attempts=_THROTTLED_ATTEMPTS, wait_initial=_THROTTLED_SECONDS, wait_max=20, timeout=60
        ):
            with turn:
                return self._commanded(text, repeatable)
        raise AssertionError("unreachable: the last attempt raises")

    def _commanded(self, text: str, repeatable: bool) -> list[dict[str, Any]]:
        for turn in stamina.retry_context(
            on=KustoUnknownError, attempts=3 if repeatable else 1, wait_initial=0.2, wait_max=5
        ):
            with turn:
                return list(self._answered(self._client.execute_mgmt, text, None).to_pylist())
        raise AssertionError("unreachable: the last attempt raises")

    def _answered(self, execute: Callable[..., Any], text: str, properties: ClientRequestProperties | None) -> pa.Table:
        try:
            answer = execute(self.database, text, properties).primary_results[0]
        except KustoError as error:
            raise (KustoUnknownError if _unknown(error) else KustoRefusedError)(
                f"Kusto at {self.uri} (database {self.database!r}) refused `{_shortened(text)}`: {error}"
            ) from error
        return _arrow(answer)

    def ingest_parquet(
        self, data: bytes, table: str, mapping: Sequence[tuple[str, str, str]], tags: Sequence[str]
    ) -> str:
        """Queue one Parquet file; returns the id its report will carry. It may be ingested at any time after."""
        source = uuid.uuid4()
        properties = IngestionProperties(
            database=self.database,
            table=table,
            data_format=DataFormat.PARQUET,
            column_mappings=[ColumnMapping(name, kind, path=path) for name, kind, path in mapping],
            additional_tags=list(tags),
            flush_immediately=True,
            report_level=ReportLevel.FailuresAndSuccesses,
        )
        descriptor = StreamDescriptor(io.BytesIO(data), source, stream_name=f"{table}.parquet", size=len(data))
        try:
            self._ingest.ingest_from_stream(descriptor, properties)
        except (KustoError, AzureError) as error:
            raise KustoRefusedError(
                f"Kusto at {self.uri} did not take a file of {len(data)} bytes for {table}: {error!r}"
            ) from error
        return str(source)

    def reports(self) -> list[Report]:
        """What the status queues say now; a report is given once, to whoever asks first."""
        try:
            failed = self._status.failure.pop(_REPORTS_AT_ONCE)
            done = self._status.success.pop(_REPORTS_AT_ONCE)
        except (KustoError, AzureError) as error:
            raise KustoRefusedError(f"Kusto at {self.uri} does not say what it has ingested: {error!r}") from error
        return [
            *(Report(str(m.IngestionSourceId), True, f"{m.ErrorCode}: {m.Details}") for m in failed),
            *(Report(str(m.IngestionSourceId), False, "") for m in done),
        ]


def _connection(uri: str) -> KustoConnectionStringBuilder:
    if urlsplit(uri).scheme == "http":
        return KustoConnectionStringBuilder.with_no_authentication(uri)
    return KustoConnectionStringBuilder.with_azure_token_credential(uri, DefaultAzureCredential())


def _may_pass(error: Exception) -> bool:
    cause = error.__cause__
    if isinstance(cause, KustoApiError):
        return cause.get_api_error().permanent is False
    return isinstance(cause, KustoThrottlingError) or isinstance(error, KustoUnknownError)


def _throttled(error: Exception) -> bool:
    return isinstance(error.__cause__, KustoThrottlingError)


def _unknown(error: KustoError) -> bool:
    """Lost on the way there or back, given up in between (a gateway says nothing of the engine), or unreadable."""
    if isinstance(error, KustoNetworkError):
        return True
    response = error.http_response if isinstance(error, KustoServiceError) else None
    return response is not None and (response.status_code in _GATEWAY or response.status_code < _REFUSALS)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:157]}..."


def _arrow(answer: Any) -> pa.Table:
    rows = answer.raw_rows
    # Column by column: `zip` of all rows at once is a third of what an answer costs.
    return pa.table(
        {
            column.column_name: _column(list(map(itemgetter(place), rows)), column.column_type)
            for place, column in enumerate(answer.columns)
        }
    )


def _column(cells: Sequence[Any], kind: str) -> pa.Array:
    if kind == "datetime":
        # Up to seven decimals on the wire; ours have six.
        text = pc.utf8_slice_codeunits(pa.array(cells, pa.string()), 0, 26)
        moment = pc.cast(pc.utf8_rtrim(text, "Z"), pa.timestamp("us"))
        return pc.assume_timezone(moment, "UTC")
    if kind == "real":
        try:
            return pa.array(cells, pa.float64())
        except pa.ArrowInvalid:  # JSON has no such numbers: they come as texts
            cells = [_NOT_FINITE.get(cell, cell) if isinstance(cell, str) else cell for cell in cells]
    return pa.array(cells, _ARROW[kind]) if kind in _ARROW else pa.array([None if c is None else str(c) for c in cells])
