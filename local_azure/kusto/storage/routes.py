"""Blob and queue requests, as `azure-storage-blob` and `azure-storage-queue` send them."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from email.utils import format_datetime
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_azure.kusto.storage import names
from local_azure.kusto.storage.blobs import BlobMissingError, Blobs
from local_azure.kusto.storage.queues import Message, MessageMissingError, Queues

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_XML = '<?xml version="1.0" encoding="utf-8"?>'


def _date(seconds: float) -> str:
    return format_datetime(dt.datetime.fromtimestamp(seconds, dt.UTC), usegmt=True)


def _headers(**more: str) -> dict[str, str]:
    return {"x-ms-request-id": str(uuid.uuid4()), "x-ms-version": "2024-11-04"} | {
        name.replace("_", "-"): value for name, value in more.items()
    }


def _failure(status: int, code: str, message: str) -> Response:
    body = f"{_XML}<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return Response(body, status, _headers(x_ms_error_code=code), "application/xml")


def _stamp(path: Path) -> dict[str, str]:
    found = path.stat()
    return _headers(ETag=f'"0x{found.st_mtime_ns:X}"', Last_Modified=_date(found.st_mtime))


class Storage:
    """The request handlers. `notify` is called when a message comes to the ready queue."""

    def __init__(self, blobs: Blobs, queues: Queues, notify: Callable[[], None]) -> None:
        self._blobs, self._queues, self._notify = blobs, queues, notify

    def routes(self) -> list[Route]:
        """Everything below the storage root."""
        root = f"/{names.ROOT}"
        return [
            Route(f"{root}/{{queue}}/messages", self.messages, methods=["GET", "POST", "DELETE"]),
            Route(f"{root}/{{queue}}/messages/{{message}}", self.message, methods=["PUT", "DELETE"]),
            Route(f"{root}/{{container}}/{{blob:path}}", self.blob, methods=["GET", "HEAD", "PUT", "DELETE"]),
            Route(f"{root}/{{name}}", self.resource, methods=["GET", "HEAD", "PUT"]),
        ]

    async def resource(self, request: Request) -> Response:
        """A container or queue itself: they are always there."""
        name = request.path_params["name"]
        if name not in (*names.QUEUES, names.TEMP_CONTAINER):
            return _failure(404, "ResourceNotFound", f"there is no {name}")
        if name in names.QUEUES and request.method != "PUT":
            count = await run_in_threadpool(self._queues.count, name)
            return Response(status_code=200, headers=_headers(x_ms_approximate_messages_count=str(count)))
        return Response(status_code=201 if request.method == "PUT" else 200, headers=_headers())

    async def blob(self, request: Request) -> Response:
        """Put, get, look at or delete a blob."""
        container, name = request.path_params["container"], request.path_params["blob"]
        if container != names.TEMP_CONTAINER:
            return _failure(404, "ContainerNotFound", f"there is no container {container}")
        try:
            if request.method == "PUT":
                return await self._put_blob(request, container, name)
            if request.method == "DELETE":
                await run_in_threadpool(self._blobs.existing, container, name)
                await run_in_threadpool(self._blobs.delete, container, name)
                return Response(status_code=202, headers=_headers())
            path = await run_in_threadpool(self._blobs.existing, container, name)
            return await run_in_threadpool(_blob_content, path, request)
        except BlobMissingError as error:
            return _failure(404, "BlobNotFound", f"there is no {error}")

    async def _put_blob(self, request: Request, container: str, name: str) -> Response:
        kind = request.query_params.get("comp")
        if kind == "blocklist":
            # Own clients on the loopback interface: entity expansion is nothing to fear from them.
            listed = ET.fromstring(await request.body())  # noqa: S314
            blocks = [element.text or "" for element in listed]
            path = await run_in_threadpool(self._blobs.assemble, container, name, blocks)
            return Response(status_code=201, headers=_stamp(path))
        if kind not in (None, "block"):
            return _failure(400, "InvalidQueryParameterValue", f"comp={kind} is not served here")
        if kind is None and request.headers.get("x-ms-blob-type") != "BlockBlob":
            return _failure(400, "InvalidHeaderValue", "only block blobs are served here")
        staged = await self._blobs.receive(request.stream())
        if kind == "block":
            staged.replace(self._blobs.block_path(container, name, request.query_params["blockid"]))
            return Response(status_code=201, headers=_headers(x_ms_request_server_encrypted="true"))
        path = await run_in_threadpool(self._blobs.publish, staged, container, name)
        return Response(status_code=201, headers=_stamp(path))

    async def messages(self, request: Request) -> Response:
        """Put, get, peek or clear the messages of a queue."""
        queue = request.path_params["queue"]
        if queue not in names.QUEUES:
            return _failure(404, "QueueNotFound", f"there is no queue {queue}")
        options = request.query_params
        if request.method == "POST":
            # As above: only own clients reach this.
            body = ET.fromstring(await request.body()).findtext("MessageText") or ""  # noqa: S314
            message = await run_in_threadpool(
                lambda: self._queues.put(
                    queue,
                    body,
                    delay=float(options.get("visibilitytimeout", 0)),
                    lives=float(options.get("messagettl", 7 * 86400)),
                )
            )
            if queue == names.READY_QUEUE:
                self._notify()
            return _listing([_message_xml(message, text=False)], status=201)
        if request.method == "DELETE":
            await run_in_threadpool(self._queues.clear, queue)
            return Response(status_code=204, headers=_headers())
        count = int(options.get("numofmessages", 1))
        if not 1 <= count <= 32:
            return _failure(400, "OutOfRangeQueryParameterValue", "numofmessages must be 1 to 32")
        if options.get("peekonly", "").lower() == "true":
            peeked = await run_in_threadpool(self._queues.peek, queue, count)
            return _listing([_message_xml(message, receipt=False) for message in peeked])
        hidden = float(options.get("visibilitytimeout", 30))
        received = await run_in_threadpool(self._queues.receive, queue, count, hidden)
        return _listing([_message_xml(message) for message in received])

    async def message(self, request: Request) -> Response:
        """Delete or update a message that was received."""
        queue, message_id = request.path_params["queue"], request.path_params["message"]
        options = request.query_params
        receipt = options.get("popreceipt", "")
        try:
            if request.method == "DELETE":
                await run_in_threadpool(self._queues.delete, queue, message_id, receipt)
                return Response(status_code=204, headers=_headers())
            raw = await request.body()
            # As above: only own clients reach this.
            body = ET.fromstring(raw).findtext("MessageText") if raw else None  # noqa: S314
            hidden = float(options.get("visibilitytimeout", 0))
            changed = await run_in_threadpool(
                lambda: self._queues.update(queue, message_id, receipt, hidden=hidden, body=body)
            )
        except MessageMissingError:
            return _failure(404, "MessageNotFound", f"message {message_id} is not held under that receipt")
        extra = {"x-ms-popreceipt": changed.receipt, "x-ms-time-next-visible": _date(changed.visible)}
        return Response(status_code=204, headers=_headers() | extra)


def _blob_content(path: Path, request: Request) -> Response:
    size = path.stat().st_size
    headers = _stamp(path) | {"Accept-Ranges": "bytes", "x-ms-blob-type": "BlockBlob"}
    if request.method == "HEAD":
        return Response(status_code=200, headers=headers | {"Content-Length": str(size)})
    asked = _RANGE.fullmatch(request.headers.get("x-ms-range") or request.headers.get("range") or "")
    if not asked:
        return Response(path.read_bytes(), 200, headers, "application/octet-stream")
    first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
    if first >= size:
        return _failure(416, "InvalidRange", f"the blob has {size} bytes")
    with path.open("rb") as file:
        file.seek(first)
        content = file.read(last - first + 1)
    return Response(
        content, 206, headers | {"Content-Range": f"bytes {first}-{last}/{size}"}, "application/octet-stream"
    )


def _message_xml(message: Message, *, text: bool = True, receipt: bool = True) -> str:
    held = (
        f"<PopReceipt>{message.receipt}</PopReceipt><TimeNextVisible>{_date(message.visible)}</TimeNextVisible>"
        if receipt
        else ""
    )
    content = (
        f"<DequeueCount>{message.dequeued}</DequeueCount><MessageText>{escape(message.body)}</MessageText>"
        if text
        else ""
    )
    return (
        f"<QueueMessage><MessageId>{message.message_id}</MessageId>"
        f"<InsertionTime>{_date(message.inserted)}</InsertionTime>"
        f"<ExpirationTime>{_date(message.expires)}</ExpirationTime>{held}{content}</QueueMessage>"
    )


def _listing(messages: list[str], status: int = 200) -> Response:
    body = f"{_XML}<QueueMessagesList>{''.join(messages)}</QueueMessagesList>"
    return Response(body, status, _headers(), "application/xml")
