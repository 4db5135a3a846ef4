"""AMQP 1.0 messages, decoded so that none of them can stop the stream.

Belongs here: a decoder of message sections that knows every AMQP type, keeps text, bytes and times apart, and gives
back the encoded bytes of a message it cannot read; and `in_the_sdk`, which puts it in the place of the SDK's.
Does not: frames, links, tokens (the SDK), or which part of a message becomes which column (`envelope`).

Why: the SDK's own decoder has no entry for char, decimal32 and decimal64 and counts on one way to write a descriptor.
An exception there ends the link, the SDK reconnects before that message, and meets it again, for ever: one property
of a .NET device would stop a partition. It also makes strings and binaries the same `bytes`, and timestamps integers,
so that Bronze could not say which it was. Where the SDK has moved its decoder, `in_the_sdk` says so and Bronze goes
on with what the SDK gives.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from azure.eventhub._pyamqp import receiver
from azure.eventhub._pyamqp.message import Header, Message, Properties

from ingest_workers.amqp_types import Timestamp, read

log = structlog.get_logger(__name__)

SECTIONS = {
    "amqp:header:list": 0x70,
    "amqp:delivery-annotations:map": 0x71,
    "amqp:message-annotations:map": 0x72,
    "amqp:properties:list": 0x73,
    "amqp:application-properties:map": 0x74,
    "amqp:data:binary": 0x75,
    "amqp:amqp-sequence:list": 0x76,
    "amqp:amqp-value:*": 0x77,
    "amqp:footer:map": 0x78,
}
HEADER, PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE = 0x70, 0x73, 0x74, 0x75, 0x76
FIELDS: dict[Any, str] = {
    HEADER: "header",
    0x71: "delivery_annotations",
    0x72: "message_annotations",
    PROPERTIES: "properties",
    APPLICATION_PROPERTIES: "application_properties",
    DATA: "data",
    SEQUENCE: "sequence",
    0x77: "value",
    0x78: "footer",
}
SHAPES: dict[Any, Any] = {
    HEADER: list,
    0x71: dict,
    0x72: dict,
    PROPERTIES: list,
    APPLICATION_PROPERTIES: dict,
    DATA: bytes,
}
ALIKE = frozenset({HEADER, APPLICATION_PROPERTIES})
REPEATED = frozenset({DATA, SEQUENCE})
RECORDS = frozenset({HEADER, PROPERTIES})
MOST_REMEMBERED, LONGEST_REMEMBERED = 4096, 512
_SEEN: dict[bytes, Any] = {}
SEQUENCE_NUMBER = "x-opt-sequence-number"
BODY = b"\x00\x53\x75"
"""How the section of a body begins."""
BETWEEN = frozenset({"header", "properties", "application_properties"})
_BETWEEN: dict[bytes, dict[str, Any]] = {}
USUAL = re.compile(
    rb"\x00\x53\x72(?:\xd1.{4}\x00\x00\x00([\x06\x08])|\xc1.([\x06\x08]))"
    rb"\xa3\x15x-opt-sequence-number(?:\x81(.{8})|\x55(.))"
    rb"\xa3\x0cx-opt-offset\xa1(.)([0-9]+)"
    rb"\xa3\x13x-opt-enqueued-time\x83(.{8})",
    re.DOTALL,
)
"""How a broker writes the three annotations that every event has; a partition key may follow."""
WITH_KEY, PARTITION_KEY = b"\x08", b"\xa3\x13x-opt-partition-key"
"""Names and values are counted: eight make four pairs."""


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A message whose sections could not all be read: all of its bytes, and why."""

    encoded: bytes
    why: str


class _Instead:
    """The SDK's decoder and how many of us stand in for it."""

    lock = threading.Lock()
    users = 0
    original: Callable[[memoryview], Message] | None = getattr(receiver, "decode_payload", None)


@contextmanager
def in_the_sdk() -> Iterator[bool]:
    """Make the SDK's receivers decode with this module for a while; says whether they do."""
    if _Instead.original is None:
        log.warning("the SDK's decoder has moved: property types and unreadable messages are as the SDK gives them")
        yield False
        return
    with _Instead.lock:
        _Instead.users += 1
        receiver.decode_payload = decode
    try:
        yield True
    finally:
        with _Instead.lock:
            _Instead.users -= 1
            if _Instead.users == 0:
                receiver.decode_payload = _Instead.original


def decode(payload: memoryview) -> Message:
    """One encoded message as the SDK hands it on.

    An event that cannot be read comes back with its annotations and a value of type `Undecoded`. What is no event
    (answers about tokens and partitions come the same way) is left to the SDK's decoder.
    """
    data = bytes(payload)
    found: dict[str, Any] = {}
    try:
        begun = _annotations(data)
        if begun is not None and (message := _usual(data, *begun)) is not None:
            return message
        body_at = _sections(data, found)
        if begun is not None:
            _remember(data, begun[1], found, body_at)
    except Exception as problem:  # noqa: BLE001 - whatever a device sends, it becomes a row
        found = {name: found[name] for name in ("message_annotations", "properties") if name in found}
        found["value"] = Undecoded(data, f"{type(problem).__name__} {problem}")
    if SEQUENCE_NUMBER not in found.get("message_annotations", ()) and _Instead.original is not None:
        return _Instead.original(payload)
    return Message(**found)


def _annotations(data: bytes) -> tuple[dict[str, Any], int] | None:
    """What the broker says of an event and where that ends, if it says it as it usually does."""
    begun = USUAL.match(data)
    if begun is None:
        return None
    wide, narrow, long, small, size, offset, enqueued = begun.groups()
    if size[0] != len(offset):
        return None
    annotations: dict[str, Any] = {
        SEQUENCE_NUMBER: int.from_bytes(long or small, "big", signed=True),
        "x-opt-offset": offset.decode(),
        "x-opt-enqueued-time": Timestamp.from_bytes(enqueued, "big", signed=True),
    }
    end = begun.end()
    if (wide or narrow) == WITH_KEY:
        if not data.startswith(PARTITION_KEY, end):
            return None
        annotations["x-opt-partition-key"], end = read(data, end + len(PARTITION_KEY))
    return annotations, end


def _usual(data: bytes, annotations: dict[str, Any], end: int) -> Message | None:
    """A message whose sections between annotations and body were read before: those are not read again."""
    body_at = data.find(BODY, end) + len(BODY)
    between = _BETWEEN.get(data[end:body_at])
    if between is None or body_at + 2 > len(data):
        return None
    code = data[body_at]
    if code == 0xB0:
        begin = body_at + 5
        length = int.from_bytes(data[body_at + 1 : begin], "big")
    elif code == 0xA0:
        begin, length = body_at + 2, data[body_at + 1]
    else:
        return None
    if begin + length != len(data):
        return None
    return Message(message_annotations=annotations, data=[data[begin:]], **between)


def _remember(data: bytes, end: int, found: dict[str, Any], body_at: int) -> None:
    """What lies between annotations and body, where `_usual` would look for the body at the same place."""
    key = data[end:body_at]
    if body_at <= end or len(key) > LONGEST_REMEMBERED or data.find(BODY, end) + len(BODY) != body_at:
        return
    between = {name: value for name, value in found.items() if name not in {"message_annotations", "data"}}
    if between.keys() <= BETWEEN:
        if len(_BETWEEN) >= MOST_REMEMBERED:
            _BETWEEN.clear()
        _BETWEEN[key] = between


def _sections(data: bytes, found: dict[str, Any]) -> int:
    """Read all sections; the position of the first body's value, 0 where there is none."""
    position, end, body_at = 0, len(data), 0
    while position < end:
        section, position = _descriptor(data, position)
        field = FIELDS[section]
        value: Any
        if section == DATA and not body_at:
            body_at = position
        if section in ALIKE:
            value, position = _seen_before(data, position)
        else:
            value, position = read(data, position)
        if position > end:
            raise ValueError(f"{field} is cut off")
        if type(value) is not SHAPES.get(section, type(value)):
            raise TypeError(f"{field} is a {type(value).__name__}")
        if section in REPEATED:
            found.setdefault(field, []).append(value)
        elif section in RECORDS:
            kind: Any = Header if section == HEADER else Properties
            found[field] = kind(*value[: len(kind._fields)])
        else:
            found[field] = value
    return body_at


def _descriptor(data: bytes, position: int) -> tuple[Any, int]:
    """Which section begins here, and where its value does."""
    if data[position] != 0:
        raise ValueError(f"byte {position} begins no section")
    if data[position + 1] == 0x53:
        return data[position + 2], position + 3
    name, position = read(data, position + 1)
    return SECTIONS.get(name, name), position


def _seen_before(data: bytes, position: int) -> tuple[Any, int]:
    """A list or map that most events of a device have in common, decoded once."""
    code = data[position]
    if code in {0xC0, 0xC1}:
        end = position + 2 + data[position + 1]
    elif code in {0xD0, 0xD1}:
        end = position + 5 + int.from_bytes(data[position + 1 : position + 5], "big")
    else:
        end = position + 1
    encoded = data[position:end]
    value = _SEEN.get(encoded)
    if value is None:
        value, after = read(data, position)
        if after != end:
            return value, after
        if len(encoded) <= LONGEST_REMEMBERED and end <= len(data):
            if len(_SEEN) >= MOST_REMEMBERED:
                _SEEN.clear()
            _SEEN[encoded] = value
    return value, end
