"""One append-only file per partition: what was accepted, in order, still there after a kill.

Belongs here: appending whole batches, the index in memory, reading ranges. Does not: the record's layout
(`records`), what an event contains (`message`), who waits for new events (`hub`).

An append returns after the bytes were handed to the operating system, so an acknowledged event survives the
death of the process; the disk is forced only when a log is closed. Positions and enqueued times are kept in
memory, 16 bytes per event, rebuilt by one walk when the log is opened.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.records import HEADER_SIZE, MAGIC, DamagedLogError, Record, pack, walk

LOG_NAME = "events.log"


class Appendable(Protocol):
    """What a log can take: something that becomes bytes once it knows its place."""

    def encode(self, sequence_number: int, offset: int, enqueued_ms: int) -> bytes:
        """The bytes to store and, later, to send."""


class PartitionLog:
    """The durable log of one partition. One writer, one thread.

    An event has a sequence number (0-based, gapless) and an offset (byte position of its record). Indexes and
    sequence numbers coincide, because nothing is ever dropped from the front.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.dropped_bytes = 0
        self._clock = clock
        self._offsets = array("q")
        self._times = array("q")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._end = self._recover()
        except BaseException:
            os.close(self._file)
            raise

    def _recover(self) -> int:
        size = os.fstat(self._file).st_size
        if size < len(MAGIC):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, MAGIC, 0)
            return len(MAGIC)
        end = len(MAGIC)
        for record in _whole_batches(self.path):
            self._offsets.append(record.offset)
            self._times.append(record.enqueued_ms)
            end = record.offset + HEADER_SIZE + len(record.message)
        self.dropped_bytes = size - end
        os.ftruncate(self._file, end)
        return end

    def __len__(self) -> int:
        return len(self._offsets)

    @property
    def last_sequence_number(self) -> int:
        """-1 when empty."""
        return len(self._offsets) - 1

    @property
    def last_offset(self) -> int:
        """-1 when empty."""
        return self._offsets[-1] if self._offsets else -1

    @property
    def last_enqueued_ms(self) -> int | None:
        """Milliseconds since 1970-01-01 UTC; None when empty."""
        return self._times[-1] if self._times else None

    def append(self, events: Sequence[Appendable]) -> int:
        """Write `events` as one batch, all or nothing, and return the first one's sequence number.

        Raises:
            OSError: the disk refused; the log is as it was before.
        """
        enqueued_ms = self._clock.now_ms()
        if self._times:
            # The clock may be set back or restarted earlier; a partition's time never goes backwards.
            enqueued_ms = max(enqueued_ms, self._times[-1])
        first = len(self._offsets)
        offset = self._end
        offsets = array("q")
        records = []
        for index, event in enumerate(events):
            message = event.encode(first + index, offset, enqueued_ms)
            records.append(pack(first + index, enqueued_ms, len(events) - index - 1, message))
            offsets.append(offset)
            offset += len(records[-1])
        self._write(b"".join(records))
        self._offsets.extend(offsets)
        self._times.extend([enqueued_ms] * len(offsets))
        self._end = offset
        return first

    def _write(self, data: bytes) -> None:
        try:
            written = os.pwrite(self._file, data, self._end)
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._end + written)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise

    def read(self, index: int, most: int, most_bytes: int) -> list[bytes]:
        """Encoded messages from `index` on: at least one, at most `most`, and none that starts past `most_bytes`."""
        first = self._offsets[index]
        last = min(index + most, len(self._offsets), bisect_right(self._offsets, first + most_bytes))
        last = max(last, index + 1)
        end = self._offsets[last] if last < len(self._offsets) else self._end
        data = os.pread(self._file, end - first, first)
        starts = [offset - first for offset in self._offsets[index:last]]
        ends = [*starts[1:], end - first]
        return [data[start + HEADER_SIZE : stop] for start, stop in zip(starts, ends, strict=True)]

    @property
    def end_offset(self) -> int:
        """The offset the next event will get."""
        return self._end

    def first_at_offset(self, offset: int, *, inclusive: bool) -> int:
        """Index of the first event with an offset above (or at) `offset`; `len(log)` when there is none yet."""
        return bisect_left(self._offsets, offset) if inclusive else bisect_right(self._offsets, offset)

    def first_at_time(self, enqueued_ms: int, *, inclusive: bool) -> int:
        """Index of the first event enqueued after (or at) `enqueued_ms`; `len(log)` when there is none yet."""
        return bisect_left(self._times, enqueued_ms) if inclusive else bisect_right(self._times, enqueued_ms)

    def close(self) -> None:
        """Force everything to the disk and let go of the file."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1


def partition_path(data_dir: Path, hub: str, partition_id: str) -> Path:
    """The file that holds a partition."""
    return data_dir / hub / partition_id / LOG_NAME


def read_partition(data_dir: Path, hub: str, partition_id: str) -> Iterator[Record]:
    """Every event that a partition holds, straight from its file: no server, no SDK, safe while one is running.

    Raises:
        FileNotFoundError: there is no such partition under `data_dir`.
        DamagedLogError: the file is not what was written.
    """
    path = partition_path(data_dir, hub, partition_id)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no log of partition {partition_id!r} of hub {hub!r}")
    return _whole_batches(path)


def _whole_batches(path: Path) -> Iterator[Record]:
    with path.open("rb", buffering=1 << 20) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise DamagedLogError(f"{path} is not the log of a partition. Is --data the right folder?")
        batch: list[Record] = []
        for record, ends_batch in walk(file.read, str(path)):
            batch.append(record)
            if ends_batch:
                yield from batch
                batch.clear()
