"""The worker behind queued ingestion: message to extent, once.

Belongs here: reading a message, deciding between success, refusal and another try, and the report.
Does not: file formats (`sources`), the queue (`storage`).
The extent and the id of its message are committed together; the message goes afterwards, in one step with its report.
A crash between the two makes the message come back, find its id, and only be reported.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import logging
import shutil
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb

from local_azure.kusto import extents, sources
from local_azure.kusto.commands import mappings
from local_azure.kusto.errors import BadDataError, KustoError, NotServedError, as_kusto_error
from local_azure.kusto.extents import parse_tags
from local_azure.kusto.failpoint import Failpoints
from local_azure.kusto.storage import names
from local_azure.kusto.storage.blobs import BlobMissingError, Blobs
from local_azure.kusto.storage.queues import Message, Queues
from local_azure.kusto.store import Store, Transaction

_log = logging.getLogger(__name__)
_GZIP = b"\x1f\x8b"
_MOST_TRIES = 5
_IDLE_SECONDS = 0.25
_FAILURES_ONLY, _NOTHING, _EVERYTHING = 0, 1, 2


@dataclass(frozen=True)
class Job:
    """What a message asks for."""

    message_id: str
    source_id: str
    database: str
    table: str
    blob_path: str
    report_level: int
    properties: dict[str, Any]

    @property
    def blob(self) -> tuple[str, str]:
        """Container and name of the blob, which must be one of ours."""
        parts = urlsplit(self.blob_path).path.strip("/").split("/", 2)
        if len(parts) != 3 or parts[0] != names.ROOT:
            raise NotServedError("ingestion from a blob outside the endpoint's own storage")
        return unquote(parts[1]), unquote(parts[2])


def read_message(message: Message) -> Job:
    """The job in a message: base64 of JSON, as the SDK writes it."""
    try:
        fields = json.loads(base64.b64decode(message.body, validate=True))
        return Job(
            message_id=message.message_id,
            source_id=str(fields.get("Id", "")),
            database=fields["DatabaseName"],
            table=fields["TableName"],
            blob_path=fields["BlobPath"],
            report_level=int(fields.get("ReportLevel", _NOTHING)),
            properties={str(key): value for key, value in (fields.get("AdditionalProperties") or {}).items()},
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BadDataError(f"the ingestion message cannot be read: {error!r}") from error


class Ingestion:
    """Takes messages from the ready queue, one at a time, until it is stopped."""

    def __init__(self, store: Store, blobs: Blobs, queues: Queues, failpoints: Failpoints, scratch: Path) -> None:
        self._store, self._blobs, self._queues, self._failpoints = store, blobs, queues, failpoints
        self._scratch = scratch
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="queued-ingestion", daemon=True)

    def start(self) -> None:
        """Take up what a former process left and begin."""
        self._queues.reveal(names.READY_QUEUE)
        with self._store.write() as transaction:
            transaction.cursor.execute(
                "DELETE FROM kx.ingested WHERE message_id NOT IN (SELECT unnest(?::VARCHAR[]))",
                [list(self._queues.ids(names.READY_QUEUE))],
            )
        self._thread.start()

    def notify(self) -> None:
        """Say that a message has come."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the message in hand and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                messages = self._queues.receive(names.READY_QUEUE, 1, hidden=600)
                for message in messages:
                    self._handle(message)
            except Exception:  # noqa: BLE001 - the worker must outlive any message
                _log.exception("the ingestion worker goes on after an unexpected error")
                messages = []
            if not messages:
                self._wake.wait(_IDLE_SECONDS)

    def _handle(self, message: Message) -> None:
        try:
            job = read_message(message)
        except KustoError as error:
            _log.error("message %s: %s", message.message_id, error)
            self._queues.finish(names.READY_QUEUE, message.message_id, None)
            return
        try:
            self._ingest(job)
        except Exception as error:  # noqa: BLE001 - every failure is reported or retried
            told = as_kusto_error(error)
            if not told.permanent and message.dequeued < _MOST_TRIES:
                _log.warning("ingestion of %s will be tried again: %s", job.source_id, told)
                self._queues.update(
                    names.READY_QUEUE, message.message_id, message.receipt, hidden=2.0**message.dequeued, body=None
                )
                return
            _log.error("ingestion of %s into %s failed: %s", job.source_id, job.table, told)
            self._finish(job, told)
            return
        self._finish(job, None)

    def _finish(self, job: Job, error: KustoError | None) -> None:
        wanted = {_FAILURES_ONLY: error is not None, _EVERYTHING: True}.get(job.report_level, False)
        queue = names.SUCCESS_QUEUE if error is None else names.FAILURE_QUEUE
        body = base64.b64encode(json.dumps(_report(job, error)).encode()).decode()
        self._queues.finish(names.READY_QUEUE, job.message_id, (queue, body) if wanted else None)
        try:
            self._blobs.delete(*job.blob)
        except NotServedError:
            return

    def _ingest(self, job: Job) -> None:
        self._store.check_database(job.database)
        with self._store.write() as transaction:
            seen = transaction.cursor.execute(
                "SELECT count(*) FROM kx.ingested WHERE message_id = ?", [job.message_id]
            ).fetchall()
            if seen[0][0]:
                return
            self._append(transaction, job)
            transaction.cursor.execute("INSERT INTO kx.ingested VALUES (?, now() AT TIME ZONE 'UTC')", [job.message_id])
            self._failpoints.reach("before_ingest")
        self._failpoints.reach("after_ingest")

    def _append(self, transaction: Transaction, job: Job) -> None:
        table = transaction.catalogue.table(job.table)
        wanted = job.properties
        if extents.already_ingested(transaction, table, parse_tags(wanted.get("ingestIfNotExists"))):
            return
        format_name = str(wanted.get("format") or "csv").lower()
        try:
            blob = self._blobs.existing(*job.blob)
        except BlobMissingError as error:
            raise BadDataError(f"the blob {error} is not there") from error
        file = self._plain(blob, format_name)
        try:
            select = sources.select_sql(
                transaction.cursor,
                file,
                format_name,
                table,
                self._mapping(transaction.cursor, job, format_name),
                ignore_first_record=str(wanted.get("ignoreFirstRecord", "")).lower() == "true",
            )
            extents.append(transaction, table, select, tags=parse_tags(wanted.get("tags")), size=file.stat().st_size)
        except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
            raise BadDataError(f"the data does not fit table '{table.name}': {error}") from error
        finally:
            if file != blob:
                file.unlink(missing_ok=True)

    def _plain(self, blob: Path, format_name: str) -> Path:
        """The blob's file, unpacked when it is gzip; Parquet compresses inside."""
        with blob.open("rb") as file:
            packed = file.read(2) == _GZIP
        if not packed or format_name not in sources.TEXT_FORMATS:
            return blob
        target = self._scratch / uuid.uuid4().hex
        try:
            with gzip.open(blob, "rb") as source, target.open("wb") as plain:
                shutil.copyfileobj(source, plain)
        except (OSError, EOFError) as error:
            target.unlink(missing_ok=True)
            raise BadDataError(f"the blob is not whole gzip: {error}") from error
        return target

    def _mapping(self, cursor: duckdb.DuckDBPyConnection, job: Job, format_name: str) -> list[sources.Field] | None:
        inline, reference = job.properties.get("ingestionMapping"), job.properties.get("ingestionMappingReference")
        if inline:
            try:
                return sources.read_mapping(json.loads(inline) if isinstance(inline, str) else inline)
            except ValueError as error:
                raise BadDataError(f"the inline ingestion mapping is not JSON: {error}") from error
        if reference:
            kind = sources.mapping_kind(format_name)
            return sources.read_mapping(mappings.get(cursor, job.table, kind, str(reference)))
        return None


def _report(job: Job, error: KustoError | None) -> dict[str, Any]:
    """The body of a status message."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    report: dict[str, Any] = {
        "OperationId": str(uuid.uuid4()),
        "Database": job.database,
        "Table": job.table,
        "IngestionSourceId": job.source_id,
        "IngestionSourcePath": job.blob_path.split("?", 1)[0],
        "RootActivityId": str(uuid.uuid4()),
    }
    if error is None:
        return report | {"SucceededOn": now}
    return report | {
        "FailedOn": now,
        "Details": str(error),
        "ErrorCode": error.code,
        "FailureStatus": "Permanent" if error.permanent else "Transient",
        "OriginatesFromUpdatePolicy": False,
        "ShouldRetry": not error.permanent,
    }
