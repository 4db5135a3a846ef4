"""Messages: cut into sections on the way in, annotated on the way to the log, decoded for whoever asks.

Belongs here: batches, sections, annotations. Does not: where an event is stored (`log`) or to whom it is sent
(`event_link`).

Ingest steps over sections without decoding them: whatever body or properties a client can write, a client
gets back byte for byte. Only message annotations are taken apart, because the service adds its own.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from local_azure.event_hubs import codec
from local_azure.event_hubs.codec import DecodeError
from local_azure.event_hubs.errors import ARGUMENT_ERROR, AmqpError

BATCH_FORMAT = 0x80013700
LONGEST_KEY = 128

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS, PROPERTIES = 0x70, 0x71, 0x72, 0x73
APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = 0x74, 0x75, 0x76, 0x77, 0x78

_SEQUENCE_NUMBER = codec.symbol("x-opt-sequence-number")
_OFFSET = codec.symbol("x-opt-offset")
_ENQUEUED_TIME = codec.symbol("x-opt-enqueued-time")
_PARTITION_KEY = codec.symbol("x-opt-partition-key")
# A client that forwards a received event sends these along; the log's own values take their place.
_OURS = frozenset((_SEQUENCE_NUMBER, _OFFSET, _ENQUEUED_TIME))
_PLACE = struct.Struct(f">{len(_SEQUENCE_NUMBER)}scq{len(_OFFSET)}scB")
_TIME = struct.Struct(f">{len(_ENQUEUED_TIME)}scq")
_MAP_START = struct.Struct(">4sII")
_SECTION_START = b"\x00\x53"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message waiting for its place in a log: what goes before the annotations, in them, and after."""

    before: bytes
    annotations: tuple[bytes, ...]
    after: bytes

    def encode(self, sequence_number: int, offset: int, enqueued_ms: int) -> bytes:
        """The whole message, with the annotations that say where and when it was stored."""
        text = b"%d" % offset
        place = _PLACE.pack(_SEQUENCE_NUMBER, b"\x81", sequence_number, _OFFSET, b"\xa1", len(text))
        body = b"".join((place, text, _TIME.pack(_ENQUEUED_TIME, b"\x83", enqueued_ms), *self.annotations))
        start = _MAP_START.pack(b"\x00\x53\x72\xd1", 4 + len(body), 6 + 2 * len(self.annotations))
        return b"".join((self.before, start, body, self.after))


@dataclass(frozen=True, slots=True)
class Incoming:
    """One delivery from a producer: one event or a batch of them."""

    events: list[Prepared]
    partition_key: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded message. `body` is bytes for data, the value for value, and a list of lists for sequence."""

    annotations: dict[str, Any] = field(default_factory=dict)
    properties: list[Any] = field(default_factory=list)
    application_properties: dict[str, Any] = field(default_factory=dict)
    body_type: Literal["data", "sequence", "value", "none"] = "none"
    body: Any = None


def _sections(data: bytes) -> list[tuple[int, int, int, int]]:
    """(code, start, start of the value, end) of each section."""
    found = []
    at = 0
    while at < len(data):
        start = at
        if data[at : at + 2] == _SECTION_START:
            code, at = data[at + 2], at + 3
        elif data[at] == 0:
            code, at = codec.decode(data, at + 1)
        else:
            code = None
        if not isinstance(code, int) or not HEADER <= code <= FOOTER:
            raise DecodeError(f"byte {start} of the message does not start a section")
        end = codec.skip(data, at)
        found.append((code, start, at, end))
        at = end
    return found


def _entries(data: bytes, at: int) -> list[tuple[bytes, bytes]]:
    parts = codec.split(data, at)
    if len(parts) % 2:
        raise DecodeError("a map with a key and no value")
    # Other clients write short symbols in the wide form; ours are compared in the narrow one.
    keys = (key if key[0] == 0xA3 else codec.symbol(str(codec.decode(key)[0])) for key in parts[::2])
    return list(zip(keys, parts[1::2], strict=True))


def incoming(payload: bytes, message_format: int) -> Incoming:
    """The events of one delivery.

    Raises:
        codec.MALFORMED: the payload is not a message, or not a batch of messages.
        AmqpError: its partition key is too long.
    """
    if message_format != BATCH_FORMAT:
        event, key = _prepare(payload, None, {})
        return Incoming([event], _text(key))
    key = None
    bodies = []
    for code, _, at, _ in _sections(payload):
        if code == MESSAGE_ANNOTATIONS and payload[at] != codec.NULL[0]:
            key = dict(_entries(payload, at)).get(_PARTITION_KEY)
        elif code == DATA:
            bodies.append(_binary(payload, at))
    if not bodies:
        raise DecodeError("a batch without events")
    text = _text(key)  # before it is put on every event: a long one would not fit a thousand times
    seen: dict[bytes, tuple[tuple[bytes, ...], bytes | None]] = {}
    return Incoming([_prepare(body, key, seen)[0] for body in bodies], text)


def _binary(data: bytes, at: int) -> bytes:
    value, _ = codec.decode(data, at)
    if not isinstance(value, bytes):
        raise DecodeError("a data section that holds no binary")
    return value


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    decoded = codec.decode(value)[0]
    if decoded is None:
        return None
    key = decoded.decode() if isinstance(decoded, bytes) else str(decoded)
    if len(key) > LONGEST_KEY:
        raise AmqpError(ARGUMENT_ERROR, f"the partition key has {len(key)} characters; at most {LONGEST_KEY} are taken")
    return key


def _prepare(
    data: bytes, batch_key: bytes | None, seen: dict[bytes, tuple[tuple[bytes, ...], bytes | None]]
) -> tuple[Prepared, bytes | None]:
    before = b""
    rest: list[bytes] = []
    annotations: tuple[bytes, ...] = ()
    key: bytes | None = None
    for code, start, at, end in _sections(data):
        section = data[start:end] if data[start : at - 1] == _SECTION_START else codec.described(code, data[at:end])
        if code == HEADER:
            before = section
        elif code == MESSAGE_ANNOTATIONS:
            raw = data[at:end]
            # The events of a batch usually carry the very same annotations.
            if raw not in seen:
                seen[raw] = _foreign(raw)
            annotations, key = seen[raw]
        elif code != DELIVERY_ANNOTATIONS:  # these are for the next hop, and that is this server
            rest.append(section)
    if key is None and batch_key is not None:
        key = batch_key
        annotations += (_PARTITION_KEY + batch_key,)
    return Prepared(before, annotations, b"".join(rest)), key


def _foreign(raw: bytes) -> tuple[tuple[bytes, ...], bytes | None]:
    if raw == codec.NULL:
        return (), None
    entries = [(key, value) for key, value in _entries(raw, 0) if key not in _OURS]
    return tuple(key + value for key, value in entries), dict(entries).get(_PARTITION_KEY)


def with_delivery_annotations(data: bytes, section: bytes) -> bytes:
    """`data` with one more section where the standard wants it: after the header, before everything else."""
    at = codec.skip(data, 0) if data[:3] == b"\x00\x53\x70" else 0
    return data[:at] + section + data[at:]


def encode(
    *,
    properties: Sequence[bytes] = (),
    application_properties: Sequence[tuple[str, bytes]] = (),
    value: bytes,
) -> bytes:
    """A message with a value body, from parts that are already encoded."""
    padded = [*properties, *[codec.NULL] * (13 - len(properties))]
    named = codec.mapping((codec.string(name), item) for name, item in application_properties)
    return b"".join(
        (
            codec.described(PROPERTIES, codec.sequence(padded)),
            codec.described(APPLICATION_PROPERTIES, named),
            codec.described(VALUE, value),
        )
    )


def decode(data: bytes) -> Message:
    """All that a person or a ledger may want to know of an encoded message."""
    annotations: dict[str, Any] = {}
    properties: list[Any] = []
    application: dict[str, Any] = {}
    bodies: list[Any] = []
    kinds: set[int] = set()
    for code, _, at, _ in _sections(data):
        section = codec.decode(data, at)[0]
        if code == MESSAGE_ANNOTATIONS:
            annotations = {str(key): item for key, item in (section or {}).items()}
        elif code == PROPERTIES:
            properties = section
        elif code == APPLICATION_PROPERTIES:
            application = section or {}
        elif code in (DATA, SEQUENCE, VALUE):
            kinds.add(code)
            bodies.append(section)
    if kinds == {DATA}:
        return Message(annotations, properties, application, "data", b"".join(bodies))
    if kinds == {SEQUENCE}:
        return Message(annotations, properties, application, "sequence", bodies)
    if kinds == {VALUE}:
        return Message(annotations, properties, application, "value", bodies[0])
    return Message(annotations, properties, application)


def raw_message_id(data: bytes) -> bytes:
    """The message id as it was encoded, for a response that has to repeat it exactly."""
    for code, _, at, _ in _sections(data):
        if code == PROPERTIES:
            return next(iter(codec.split(data, at)), codec.NULL)
    return codec.NULL
