"""What a request holds: one event, or a batch of them in one of three forms.

Belongs here: cutting a body into events and giving each its device. The gateway refuses what it cannot cut, or may not
name; what an event says is not its business, and one that nobody can read is still an event.
A batch is taken whole or not at all: the refusal names every item that is at fault, and nothing of it was sent.
Does not: reading the request (`http_app`).
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from ingest_workers.gateways.batch_v1_pb2 import Batch
from ingest_workers.gateways.callers import Caller, DeviceMissingError, ForbiddenError
from ingest_workers.gateways.event import LONGEST_WORD, Event, is_word
from ingest_workers.gateways.json_batch import NotAnArrayError, TooManyItemsError, Value, items

LINES = "application/x-ndjson"
JSON_BATCH = "application/vnd.telemetry.batch+json"
PROTOBUF_BATCH = "application/vnd.telemetry.batch+protobuf"
BATCHES = (LINES, JSON_BATCH, PROTOBUF_BATCH)
JSON, PROTOBUF = "application/json", "application/x-protobuf"

_MEMBERS = frozenset({"device", "schema", "message_id", "content_type", "content_encoding", "body", "base64"})
_MOST_FAULTS = 100


class NotFramedError(Exception):
    """The body cannot be cut into events."""


class UnsupportedError(Exception):
    """The content type or encoding is none that a request may have."""


class TooManyError(Exception):
    """More events than a batch may hold."""

    def __init__(self, most: int) -> None:
        super().__init__(f"a batch may hold {most:,} events")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one item."""

    index: int
    status: int
    detail: str


class FaultsError(Exception):
    """Items of a batch are at fault, or the one event is."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].detail)
        self.faults = list(faults)


@dataclass(frozen=True, slots=True)
class Request:
    """A request's body and what its head says about it."""

    body: bytes
    content_type: str | None
    content_encoding: str | None = None
    device: str | None = None
    schema: str | None = None
    message_id: str | None = None


@dataclass(slots=True)
class _Draft:
    """An event that still has to be checked."""

    device: str | None
    schema: str | None
    message_id: str | None
    content_type: str | None
    content_encoding: str | None
    body: bytes
    fault: str | None = None


def events(request: Request, caller: Caller, most: int) -> list[Event]:
    """The events of a request. Raises: the errors of this module."""
    media = (request.content_type or "").partition(";")[0].strip().lower()
    if not media:
        raise UnsupportedError("say with Content-Type what the body is")
    if media not in BATCHES:
        return _checked([_single(request)], caller, most)
    if request.content_encoding is not None:
        raise UnsupportedError("a batch cannot be compressed; its events can")
    if not request.body:
        raise NotFramedError("the batch is empty")
    if media == JSON_BATCH:
        return _checked(_json(request, most), caller, most)
    return _checked((_lines if media == LINES else _protobuf)(request), caller, most)


def _checked(drafts: Iterable[_Draft], caller: Caller, most: int) -> list[Event]:
    found: list[Event] = []
    faults: list[Fault] = []
    own = (("gateway", "http"), ("caller", caller.name))
    for index, draft in enumerate(drafts):
        if index == most:
            raise TooManyError(most)
        try:
            device = caller.device_for(draft.device)
        except ForbiddenError as problem:
            faults.append(Fault(index, 403, str(problem)))
            continue
        except DeviceMissingError as problem:
            faults.append(Fault(index, 422, str(problem)))
            continue
        if (wrong := draft.fault or _wrong_word(draft)) is not None:
            faults.append(Fault(index, 422, wrong))
            continue
        properties = own if draft.schema is None else (("schema", draft.schema), *own)
        found.append(
            Event(device, draft.body, draft.content_type, draft.content_encoding, draft.message_id, properties)
        )
    if faults:
        raise FaultsError(faults[:_MOST_FAULTS])
    if not found:
        raise NotFramedError("the batch is empty")
    return found


def _wrong_word(draft: _Draft) -> str | None:
    for name in ("schema", "message_id", "content_type", "content_encoding"):
        word = getattr(draft, name)
        if word is not None and not is_word(word):
            return f"{name} must have 1 to {LONGEST_WORD} printable ASCII characters"
    return None


def _single(request: Request) -> _Draft:
    return _Draft(
        request.device,
        request.schema,
        request.message_id,
        request.content_type,
        request.content_encoding,
        request.body,
    )


def _lines(request: Request) -> Iterator[_Draft]:
    """Each line that is not blank is one JSON event, whatever it says; device and schema are the request's."""
    for line in io.BytesIO(request.body):
        body = line.removesuffix(b"\n").removesuffix(b"\r")
        if body and not body.isspace():
            yield _Draft(request.device, request.schema, None, JSON, None, body)


def _protobuf(request: Request) -> Iterator[_Draft]:
    try:
        batch = Batch.FromString(request.body)
    except DecodeError:
        raise NotFramedError("the body is no telemetry.gateway.v1.Batch") from None
    for event in batch.events:
        yield _Draft(
            event.device or request.device,
            event.schema or request.schema,
            event.message_id or None,
            event.content_type or PROTOBUF,
            event.content_encoding or None,
            event.body,
        )


def _json(request: Request, most: int) -> Iterator[_Draft]:
    try:
        found = items(request.body.decode(), most)
    except UnicodeDecodeError as problem:
        raise NotFramedError(f"the batch is not UTF-8 at byte {problem.start}") from None
    except TooManyItemsError:
        raise TooManyError(most) from None
    except NotAnArrayError as problem:
        raise NotFramedError(f"the batch is no JSON array of events: {problem}") from None
    for item in found:
        yield _json_draft(item, request)


def _json_draft(item: dict[str, Value], request: Request) -> _Draft:
    fault = None
    words: dict[str, Any] = {}
    for name in ("device", "schema", "message_id", "content_type", "content_encoding"):
        value = item[name].value if name in item else None
        if value is not None and not isinstance(value, str):
            fault = f"{name} must be text"
            value = None
        words[name] = value
    body = b""
    if unknown := item.keys() - _MEMBERS:
        fault = f"there is no member {min(unknown)!r}"
    elif ("body" in item) == ("base64" in item):
        fault = "an event has either a body or base64"
    elif "body" in item:
        # A lone surrogate, written \ud800, is ASCII in the text and stays as it was written.
        body = item["body"].text.encode()
    else:
        try:
            body = base64.b64decode(item["base64"].value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            fault = "base64 is not base64"
    return _Draft(
        words["device"] if words["device"] is not None else request.device,
        words["schema"] if words["schema"] is not None else request.schema,
        words["message_id"],
        words["content_type"] or JSON,
        words["content_encoding"],
        body,
        fault,
    )
