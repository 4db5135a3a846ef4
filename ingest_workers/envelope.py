"""The envelope of an AMQP message as Bronze columns; the body stays as it came.

Belongs here: which part of a message becomes which column, and how a value that is not text is written as text.
Nothing a device can send raises: what is odd is kept, marked under `sys.`.
Does not: what a body means (`canonical`), or how a message is read from the wire (`amqp_message`).

Properties of the sender keep their names. Ours are under `sys.`; a sender's name that begins so is moved under
`app.`, so that a device cannot forge what the broker says.
"""

from __future__ import annotations

import base64
import json
import math
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from azure.eventhub._pyamqp.message import Header, Message, Properties

from ingest_workers.amqp_message import SEQUENCE_NUMBER, Undecoded
from ingest_workers.amqp_types import Timestamp
from ingest_workers.events import Draft
from ingest_workers.source import SourceError

OFFSET, ENQUEUED = "x-opt-offset", "x-opt-enqueued-time"
PARTITION_KEY, IOT_DEVICE = "x-opt-partition-key", "iothub-connection-device-id"
KNOWN = frozenset({SEQUENCE_NUMBER, OFFSET, ENQUEUED, PARTITION_KEY})
SYSTEM = tuple(f"sys.{name}" for name in Properties._fields)
CONTENT_TYPE, CONTENT_ENCODING = Properties._fields.index("content_type"), Properties._fields.index("content_encoding")
HEADER = tuple((f"sys.{name}", place) for place, name in enumerate(Header._fields) if name != "durable")
"""Without `durable`: Event Hubs keeps every event, whatever its sender asked for."""
OURS = ("sys.", "app.sys.")
YEAR_9999 = 253_402_300_799_999
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def append(events: Draft, message: Message, taken_at: int) -> None:
    """Add one message as a row; `taken_at` is microseconds since 1970, UTC.

    Raises: SourceError where the broker gave no sequence number: such an event has no name.
    """
    annotations: Mapping[Any, Any] = message.message_annotations or {}
    number = annotations.get(SEQUENCE_NUMBER)
    if type(number) is not int:
        raise SourceError(
            f"the event after {events.sequence_number[-1:] or 'the start'} of partition {events.partition_id} "
            f"has no sequence number (annotations {sorted(map(str, annotations))}); is this an Event Hub?"
        )
    pairs, schema_ref = _application(message.application_properties) if message.application_properties else ([], None)
    content_type, content_encoding = _described(message.properties, pairs) if message.properties else (None, None)
    device = annotations.get(PARTITION_KEY)
    if device is not None:
        device = text(device)
        pairs.append(("sys.partition_key", device))
    if not annotations.keys() <= KNOWN or message.header or message.footer:
        pairs = _rarely(message, pairs)
        if annotations.get(IOT_DEVICE) is not None:
            device = text(annotations[IOT_DEVICE])
    if message.data:
        body = message.data[0] if len(message.data) == 1 else b"".join(message.data)
    else:
        body, mark = _other_body(message)
        pairs.append(("sys.body", mark))
    enqueued = annotations.get(ENQUEUED)
    if type(enqueued) is Timestamp and 0 <= enqueued <= YEAR_9999:
        events.enqueued_at.append(enqueued * 1000)
    else:
        pairs.append(("sys.enqueued_at", f"not a time: {enqueued!r}"))
        events.enqueued_at.append(taken_at)
    offset = annotations.get(OFFSET)
    events.sequence_number.append(number)
    events.offset.append("" if offset is None else text(offset))
    events.ingested_at.append(taken_at)
    events.device_id.append(device)
    events.content_type.append(content_type)
    events.content_encoding.append(content_encoding)
    events.schema_ref.append(schema_ref)
    events.properties.append(pairs)
    events.body.append(body)


def _described(properties: Properties, pairs: list[tuple[str, str]]) -> tuple[str | None, str | None]:
    """Content type and encoding; the other system properties are added to the pairs."""
    content_type = content_encoding = None
    for place, value in enumerate(properties):
        if value is None:
            continue
        if place == CONTENT_TYPE:
            content_type = text(value)
        elif place == CONTENT_ENCODING:
            content_encoding = text(value)
        else:
            pairs.append((SYSTEM[place], text(value)))
    return content_type, content_encoding


def _rarely(message: Message, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs and what few messages have: other annotations, a header that says something, a footer."""
    more = [
        (f"sys.{text(name)}", text(value)) for name, value in message.message_annotations.items() if name not in KNOWN
    ]
    if message.header:
        more += [(name, text(message.header[place])) for name, place in HEADER if message.header[place] is not None]
    if message.footer:
        more.append(("sys.footer", as_json(message.footer)))
    return _distinct(pairs + more) if more else pairs


def _application(application: Mapping[Any, Any]) -> tuple[list[tuple[str, str]], str | None]:
    """The sender's properties as pairs with distinct names, and the schema they name."""
    pairs: list[tuple[str, str]] = []
    schema_ref = None
    plain = True
    for name, value in application.items():
        if type(name) is str:
            shown = name
        else:
            shown, plain = text(name), False
        written = value if type(value) is str else text(value)
        if shown == "schema":
            schema_ref = written
        elif shown.startswith(OURS):
            shown = f"app.{shown}"
        pairs.append((shown, written))
    return pairs if plain else _distinct(pairs), schema_ref


def _distinct(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names such as 7 and "7" become one text, and a map holds a name once: number the later ones."""
    distinct: dict[str, str] = {}
    for name, value in pairs:
        free, count = name, 1
        while free in distinct:
            count += 1
            free = f"{name}#{count}"
        distinct[free] = value
    return list(distinct.items())


def _other_body(message: Message) -> tuple[bytes, str]:
    """The body of a message that has no data section, and what it was."""
    if message.sequence:
        return as_json(message.sequence).encode(), "sequence"
    if isinstance(message.value, Undecoded):
        return message.value.encoded, f"undecoded: {message.value.why}"
    return as_json(message.value).encode(), "value"


def text(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if type(value) is str else as_json(value)


def as_json(value: Any) -> str:
    """JSON of any AMQP value: bytes, decimals and numbers JSON lacks are marked objects, times are ISO 8601."""
    return ENCODER.encode(_plain(value))


def _plain(value: Any) -> Any:
    """The value in the few types JSON has."""
    for kind, write in WRITTEN:
        if isinstance(value, kind):
            return write(value)
    return {"$repr": repr(value)}


def _mapping(value: Mapping[Any, Any]) -> Any:
    if all(isinstance(name, str) for name in value):
        return {name: _plain(item) for name, item in value.items()}
    return {"$map": [[_plain(name), _plain(item)] for name, item in value.items()]}


def _iso(milliseconds: int) -> Any:
    try:
        time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return {"$timestamp": int(milliseconds)}
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


WRITTEN: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Timestamp, _iso),
    ((str, int, type(None)), lambda value: value),
    (float, lambda value: value if math.isfinite(value) else {"$number": str(value)}),
    (bytes, lambda value: {"$base64": base64.b64encode(value).decode()}),
    (uuid.UUID, str),
    (Decimal, lambda value: {"$decimal": str(value)}),
    (Mapping, _mapping),
    ((list, tuple), lambda value: [_plain(item) for item in value]),
)
"""How each type an AMQP value can have is written; the first that fits."""
