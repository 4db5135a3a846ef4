"""How one event lies in a log file.

Belongs here: the record's layout and the walk over a file that tells whole batches from a torn end. Does not:
files being opened, appended to or indexed (`log`).

A record is a 28-byte header (length, checksum, sequence number, enqueued time, events left in the batch)
and the encoded message. The last field makes a batch all or nothing: a walk only believes a record once it has
seen the batch's last one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zlib import crc32

MAGIC = b"EHLOG\x00\x00\x01"
_CHECKED = struct.Struct(">QqI")
_PREFIX = struct.Struct(">II")
HEADER_SIZE = _PREFIX.size + _CHECKED.size
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DamagedLogError(Exception):
    """Bytes inside a log, not at its end, are not what was written."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event of a partition. `offset` is the byte position of the record, `message` the encoded AMQP message."""

    sequence_number: int
    offset: int
    enqueued_ms: int
    message: bytes

    @property
    def enqueued_at(self) -> datetime:
        """Enqueued time, UTC, to the millisecond."""
        return _EPOCH + timedelta(milliseconds=self.enqueued_ms)


def pack(sequence_number: int, enqueued_ms: int, left_in_batch: int, message: bytes) -> bytes:
    """A whole record; `left_in_batch` is 0 for the last of its batch."""
    checked = _CHECKED.pack(sequence_number, enqueued_ms, left_in_batch)
    return _PREFIX.pack(len(message), crc32(message, crc32(checked))) + checked + message


def walk(read: Callable[[int], bytes], name: str, at: int) -> Iterator[tuple[Record, bool]]:
    """Each sound record from behind the magic on, and whether it ends its batch; stops at a torn end.

    Args:
        read: reads up to so many bytes on from where it stopped.
        name: of the file, for the error.
        at: offset of the first record.

    Raises:
        DamagedLogError: a record is unsound and more than the rest of a torn write follows it.
    """
    start = at - len(MAGIC)
    while True:
        header = read(HEADER_SIZE)
        if len(header) < HEADER_SIZE:
            return
        length, checksum = _PREFIX.unpack_from(header)
        message = read(min(length, _LONGEST))
        if len(message) < length <= _LONGEST:
            return  # cut short, or still being written by the other process
        checked = header[_PREFIX.size :]
        if crc32(message, crc32(checked)) != checksum:
            if length > _LONGEST or _more_than_a_torn_write(header, read):
                raise DamagedLogError(
                    f"{name} is damaged at byte {at - start}. "
                    "Restore the file, or delete the hub's folder to start afresh."
                )
            return
        sequence_number, enqueued_ms, left = _CHECKED.unpack(checked)
        yield Record(sequence_number, at, enqueued_ms, message), left == 0
        at += HEADER_SIZE + length


# Twice the largest batch a client may send; a greater length is noise, not a message cut short.
_LONGEST = 2 * 1024 * 1024


def _more_than_a_torn_write(header: bytes, read: Callable[[int], bytes]) -> bool:
    """A torn write leaves a prefix, or zeros where the file grew before its bytes were there; nothing else does."""
    only_zeros = not header.strip(b"\x00")
    while rest := read(1 << 20):
        if not only_zeros or rest.strip(b"\x00"):
            return True
    return False
