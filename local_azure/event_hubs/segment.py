"""One file of a partition's log: consecutive batches, appended until the next file takes over.

Belongs here: the file, its name, and the index of what is in it. Does not: a record's layout (`records`), or which
files make up a partition and which of their events still count (`log`).

The name says the sequence number and the offset of the first event, so that a file whose elders are gone still
knows its place. Offsets run on from file to file.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from local_azure.event_hubs.records import HEADER_SIZE, MAGIC, DamagedLogError, Record, walk

FIRST_OFFSET = len(MAGIC)
_SUFFIX = ".log"


class Segment:
    """One file, opened for reading and appending. Positions and times are kept in memory, 16 bytes an event."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first, self.base = _place(path)
        self.offsets = array("q")
        self.times = array("q")
        self.end = self.base
        self.dropped_bytes = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._recover()
        except BaseException:
            os.close(self._file)
            raise

    @classmethod
    def create(cls, folder: Path, first: int, base: int) -> Segment:
        """A new one, for events from sequence number `first` and offset `base` on."""
        return cls(folder / f"{first:020d}-{base:020d}{_SUFFIX}")

    def _recover(self) -> None:
        size = os.fstat(self._file).st_size
        if size < len(MAGIC):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, MAGIC, 0)
            return
        for record in whole_batches(self.path):
            self.offsets.append(record.offset)
            self.times.append(record.enqueued_ms)
            self.end = record.offset + HEADER_SIZE + len(record.message)
        self.dropped_bytes = size - self._position(self.end)
        os.ftruncate(self._file, size - self.dropped_bytes)

    def _position(self, offset: int) -> int:
        return offset - self.base + len(MAGIC)

    @property
    def next(self) -> int:
        """The sequence number behind the last event."""
        return self.first + len(self.offsets)

    @property
    def size(self) -> int:
        """Bytes of events."""
        return self.end - self.base

    def append(self, data: bytes, offsets: Sequence[int], enqueued_ms: int) -> None:
        """Write the records of a batch, all or nothing.

        Raises:
            OSError: the disk refused; the file is as it was before.
        """
        at = self._position(self.end)
        try:
            written = os.pwrite(self._file, data, at)
            while written < len(data):
                written += os.pwrite(self._file, data[written:], at + written)
        except OSError:
            os.ftruncate(self._file, at)
            raise
        self.offsets.extend(offsets)
        self.times.extend([enqueued_ms] * len(offsets))
        self.end += len(data)

    def read(self, sequence_number: int, most: int, most_bytes: int) -> list[bytes]:
        """Encoded messages from one on: at least it, at most `most`, and none that starts past `most_bytes`."""
        index = sequence_number - self.first
        begin = self.offsets[index]
        last = min(index + most, len(self.offsets), bisect_right(self.offsets, begin + most_bytes))
        last = max(last, index + 1)
        end = self.offsets[last] if last < len(self.offsets) else self.end
        data = os.pread(self._file, end - begin, self._position(begin))
        starts = [offset - begin for offset in self.offsets[index:last]]
        ends = [*starts[1:], end - begin]
        return [data[start + HEADER_SIZE : stop] for start, stop in zip(starts, ends, strict=True)]

    def close(self) -> None:
        """Force everything to the disk and let go of the file."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def delete(self) -> None:
        """Let go of the file and of what was in it."""
        os.close(self._file)
        self._file = -1
        self.path.unlink(missing_ok=True)


def segments_in(folder: Path) -> list[Path]:
    """The files of a partition, oldest first."""
    return sorted(folder.glob(f"*-*{_SUFFIX}"))


def whole_batches(path: Path) -> Iterator[Record]:
    """Every event of a file up to a torn end.

    Raises:
        DamagedLogError: the file is not what was written.
    """
    first, base = _place(path)
    with path.open("rb", buffering=1 << 20) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise DamagedLogError(f"{path} is not the log of a partition. Is --data the right folder?")
        expected = first
        for record in _whole(walk(file.read, str(path), base)):
            if record.sequence_number != expected:
                raise DamagedLogError(f"{path} holds event {record.sequence_number} where {expected} has to be")
            expected += 1
            yield record


def _whole(records: Iterable[tuple[Record, bool]]) -> Iterator[Record]:
    batch: list[Record] = []
    for record, ends_batch in records:
        batch.append(record)
        if ends_batch:
            yield from batch
            batch.clear()


def _place(path: Path) -> tuple[int, int]:
    first, _, base = path.stem.partition("-")
    return int(first), int(base)
