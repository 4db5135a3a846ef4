"""What a gateway hands to the hub: one event, its body untouched.

Belongs here: the record, and which names can be carried. Does not: the bytes on the wire (`encoding`).
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_DEVICE = 128
"""Of a partition key, in characters: Event Hubs' limit."""
LONGEST_WORD = 256
"""Of a schema's name, message id, content type or encoding."""

Properties = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `device` becomes the partition key, and so Bronze's device_id; None leaves the partition open."""

    device: str | None
    body: bytes
    content_type: str | None = None
    content_encoding: str | None = None
    message_id: str | None = None
    properties: Properties = ()


def is_device(name: str) -> bool:
    """Whether a name can be a partition key, and be read by people."""
    return 0 < len(name) <= LONGEST_DEVICE and name.isprintable() and name == name.strip()


def is_word(text: str) -> bool:
    """Whether a text can be carried as a symbol: printable ASCII of bounded length."""
    return 0 < len(text) <= LONGEST_WORD and text.isascii() and text.isprintable()
