"""A Kafka producer as small as it can be: record batches of LogAppendTime, as a broker with that setting stores them.

Belongs here: encoding a batch and sending it. The in-memory broker keeps a batch as it came and cannot be told to
stamp it; Event Hubs stamps every event.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

LOG_APPEND = 0x08
Record = tuple[bytes | None, bytes | None, Sequence[tuple[bytes, bytes | None]]]


def _register(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


_TABLE = [_register(byte) for byte in range(256)]


def crc32c(data: bytes) -> int:
    """The checksum of a record batch."""
    register, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        register = register >> 8 ^ table[(register ^ byte) & 0xFF]
    return register ^ 0xFFFFFFFF


def _varint(value: int) -> bytes:
    value = value << 1 ^ value >> 63
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _blob(data: bytes | None) -> bytes:
    return _varint(-1) if data is None else _varint(len(data)) + data


def batch(records: Sequence[Record], stamp: int, *, spent: int = 0, attributes: int = LOG_APPEND) -> bytes:
    """One record batch, magic 2; `stamp` is milliseconds since 1970.

    `spent`: so many offsets follow the records and belong to none, as after compaction.
    """
    encoded = []
    for delta, (key, value, headers) in enumerate(records):
        named = b"".join(_varint(len(name)) + name + _blob(content) for name, content in headers)
        body = b"\0\0" + _varint(delta) + _blob(key) + _blob(value) + _varint(len(headers)) + named
        encoded.append(_varint(len(body)) + body)
    count = len(records)
    tail = struct.pack(">hiqqqhii", attributes, count - 1 + spent, stamp, stamp, -1, -1, -1, count) + b"".join(encoded)
    return struct.pack(">qiibI", 0, len(tail) + 9, -1, 2, crc32c(tail)) + tail


class Wire:
    """One connection to a broker that leads every partition."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)

    def produce(self, topic: str, partition: int, batch: bytes) -> int:
        """Send a batch and wait until the broker has it: the offset of its first record."""
        name = struct.pack(">h", len(topic)) + topic.encode()
        asked = struct.pack(">hhih", 0, 3, 1, -1) + struct.pack(">hhi", -1, -1, 30_000)
        asked += struct.pack(">i", 1) + name + struct.pack(">iii", 1, partition, len(batch)) + batch
        self._socket.sendall(struct.pack(">i", len(asked)) + asked)
        answer = self._read(struct.unpack(">i", self._read(4))[0])
        _, error, offset = struct.unpack_from(">ihq", answer, 8 + len(name) + 4)
        if error:
            raise ConnectionError(f"the broker refused a batch: error {error}")
        return int(offset)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the broker hung up")
            data += part
        return data

    def close(self) -> None:
        """End the connection."""
        self._socket.close()
