"""The AMQP message around a body, encoded once per kind of message instead of once per event.

The SDK takes 130-160 us to encode a message with properties (it does so twice: to size it, and to add it), which is
6,000 to 8,000 events a second; a simulated fleet needs ten times that. Messages of a file or of a kind of device differ
only in message id, partition key and body, so the SDK encodes one of them as a pattern and the others are cut from it:
the bytes are those that `EventDataBatch.add` would have made, which a test asserts.
Belongs here: the pattern, and putting such messages into the SDK's own batch.
Does not: connections and sending (`sender`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from azure.eventhub import EventData, EventDataBatch

_DATA_SECTION = b"\x00\x53\x75"
_SMALL, _LARGE = b"\xa0", b"\xb0"
"""Type codes of binary with a length of 1 and of 4 bytes (AMQP 1.0 part 1, 1.6.19)."""
_PLACEHOLDER = "\x1a"
_OVERHEAD_SMALL, _OVERHEAD_LARGE = 5, 8
"""What a message costs in a batch beyond its own bytes, under and from 256 bytes."""


class Envelope:
    """Everything about a device's (or file's) messages but message id and body."""

    def __init__(
        self,
        *,
        content_type: str,
        properties: Mapping[str, str],
        message_id_width: int,
        partition_key: str | None = None,
    ) -> None:
        """`message_id_width` is the length of every message id in UTF-8 bytes: the sections' lengths depend on it."""
        token = _PLACEHOLDER * message_id_width
        event = EventData(b"")
        event.message_id = token
        event.content_type = content_type
        event.properties = dict(properties)
        pattern = EventDataBatch(partition_key=partition_key, max_size_in_bytes=2**24)
        pattern.add(event)
        encoded = bytes(pattern._message.data[0])  # noqa: SLF001 - the SDK has no public way to its encoded form
        self._key = None if partition_key is None else partition_key.encode()
        self._before, mark, rest = encoded.partition(token.encode())
        between, section, body = rest.rpartition(_DATA_SECTION)
        if not mark or not section or body != _SMALL + b"\x00":
            raise ValueError(
                f"this version of azure-eventhub encodes messages in another way than expected: {encoded!r}; "
                "use the version in uv.lock"
            )
        self.between = between + section
        """What stands between message id and body, the body's length apart."""
        self._width = message_id_width

    def wrap(self, message_id: str, body: bytes) -> bytes:
        """The complete encoded message."""
        encoded_id = message_id.encode()
        if len(encoded_id) != self._width:
            raise ValueError(f"message id {message_id!r} is not {self._width} bytes long, as all of its envelope are")
        return b"".join((self._before, encoded_id, self.between, length(body), body))

    def before(self, partition_key: str) -> bytes:
        """What precedes the message id with another partition key, which must be as long as the pattern's."""
        key = partition_key.encode()
        if self._key is None or len(key) != len(self._key) or self._before.count(self._key) != 1:
            raise ValueError(f"partition key {partition_key!r} does not fit the pattern's, {self._key!r}")
        return self._before.replace(self._key, key)


_SMALL_LENGTHS = tuple(_SMALL + bytes((size,)) for size in range(256))


def length(body: bytes) -> bytes:
    """What says that a body follows, and how long it is."""
    size = len(body)
    return _SMALL_LENGTHS[size] if size < 256 else _LARGE + struct.pack(">I", size)


def cost(message: bytes) -> int:
    """Bytes of a batch's limit that an encoded message takes."""
    return len(message) + (_OVERHEAD_SMALL if len(message) < 256 else _OVERHEAD_LARGE)


def fill(batch: EventDataBatch, messages: Sequence[bytes]) -> None:
    """Put encoded messages into an empty batch of the SDK; the caller has seen to it that they fit."""
    # What EventDataBatch.add does, minus encoding twice what is encoded already.
    batch._message.data.extend(messages)  # noqa: SLF001 - see the module's first lines
    batch._count += len(messages)  # noqa: SLF001
    batch._size += sum(cost(message) for message in messages)  # noqa: SLF001
