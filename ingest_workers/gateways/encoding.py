"""An event as the AMQP message of a batch.

The SDK takes over 100 us to encode a message with properties; here it is two or three, because what the messages of a
device have in common is encoded once. A test holds the result against what the SDK's own decoder makes of it.
Belongs here: sections and their encodings (AMQP 1.0 parts 1.6 and 3.2), and what a message costs in a batch.
Does not: batches and links (`hub`).
"""

from __future__ import annotations

import struct
from functools import lru_cache

from ingest_workers.gateways.event import Event, Properties

_NULL = b"\x40"
_ANNOTATIONS, _PROPERTIES, _APPLICATION, _DATA = b"\x00\x53\x72", b"\x00\x53\x73", b"\x00\x53\x74", b"\x00\x53\x75"
_LIST, _MAP = (b"\xc0", b"\xd0"), (b"\xc1", b"\xd1")
_STRING, _SYMBOL, _BINARY = (b"\xa1", b"\xb1"), (b"\xa3", b"\xb3"), (b"\xa0", b"\xb0")
"""Type codes with a size of one byte and of four."""
_REMEMBERED = 65_536


def message(event: Event) -> bytes:
    """The complete message: annotations, properties, application properties, one data section."""
    return b"".join(
        (
            _partition_key(event.device),
            _described(event.message_id, event.content_type, event.content_encoding),
            _application(event.properties),
            _DATA,
            _sized(_BINARY, event.body),
        )
    )


def cost(encoded: bytes) -> int:
    """Bytes of a batch's limit that a message takes."""
    return len(encoded) + (5 if len(encoded) < 256 else 8)


@lru_cache(_REMEMBERED)
def _partition_key(device: str | None) -> bytes:
    if device is None:
        return b""
    return _ANNOTATIONS + _compound(_MAP, [_sized(_SYMBOL, b"x-opt-partition-key"), _string(device)])


def _described(message_id: str | None, content_type: str | None, content_encoding: str | None) -> bytes:
    if message_id is None:
        return _undated(content_type, content_encoding)
    return _PROPERTIES + _compound(
        _LIST, [_string(message_id), *[_NULL] * 5, *_content(content_type, content_encoding)]
    )


@lru_cache(1024)
def _undated(content_type: str | None, content_encoding: str | None) -> bytes:
    if content_type is None and content_encoding is None:
        return b""
    return _PROPERTIES + _compound(_LIST, [*[_NULL] * 6, *_content(content_type, content_encoding)])


def _content(content_type: str | None, content_encoding: str | None) -> list[bytes]:
    words = (content_type, content_encoding)
    return [_NULL if word is None else _sized(_SYMBOL, word.encode("ascii")) for word in words]


@lru_cache(_REMEMBERED)
def _application(properties: Properties) -> bytes:
    if not properties:
        return b""
    return _APPLICATION + _compound(_MAP, [_string(text) for pair in properties for text in pair])


def _string(text: str) -> bytes:
    return _sized(_STRING, text.encode())


def _sized(codes: tuple[bytes, bytes], value: bytes) -> bytes:
    size = len(value)
    if size < 256:
        return codes[0] + bytes((size,)) + value
    return codes[1] + struct.pack(">I", size) + value


def _compound(codes: tuple[bytes, bytes], items: list[bytes]) -> bytes:
    content = b"".join(items)
    if len(content) < 255 and len(items) < 256:
        return codes[0] + bytes((len(content) + 1, len(items))) + content
    return codes[1] + struct.pack(">II", len(content) + 4, len(items)) + content
