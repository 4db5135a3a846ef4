"""One partition's events: what was accepted, in order, still there after a kill, until retention takes it.

Belongs here: appending whole batches, numbering, finding positions, the head that moves. Does not: a file of the log
(`segment`), the record's layout (`records`), what an event contains (`message`), who waits for new events (`hub`),
when the head has to move (`retention`).

An append returns after the bytes were handed to the operating system, so an acknowledged event survives the
death of the process; the disk is forced only when a log is closed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.records import DamagedLogError, Record, pack
from local_azure.event_hubs.segment import FIRST_OFFSET, Segment, segments_in, whole_batches

_SEGMENT_BYTES = 64 * 1024 * 1024
_HEAD = "head"
# What the whole log was called when it was one file.
_ONE_FILE = "events.log"


class Appendable(Protocol):
    """What a log can take: something that becomes bytes once it knows its place."""

    def encode(self, sequence_number: int, offset: int, enqueued_ms: int) -> bytes:
        """The bytes to store and, later, to send."""


class PartitionLog:
    """The durable log of one partition. One writer, one thread.

    An event has a sequence number (0-based, gapless) and an offset (byte position of its record among all that ever
    were). Events from `first` up to, without, `next` can be read.
    """

    def __init__(self, folder: Path, clock: Clock, *, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self.folder = folder
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._segments: list[Segment] = []
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if (self.folder / _ONE_FILE).exists():
            (self.folder / _ONE_FILE).rename(self.folder / f"{0:020d}-{FIRST_OFFSET:020d}.log")
        for path in segments_in(self.folder):
            segment = Segment(path)
            self._segments.append(segment)
            if len(self._segments) > 1 and segment.first != self._segments[-2].next:
                raise DamagedLogError(
                    f"{self._segments[-2].path} ends before event {self._segments[-2].next}, {path} does not begin "
                    "there. Restore the files, or delete the hub's folder to start afresh."
                )
        if not self._segments:
            self._segments.append(Segment.create(self.folder, 0, FIRST_OFFSET))
        self.next = self._segments[-1].next
        self.first = self._segments[0].first
        self.drop_before(head(self.folder))

    @property
    def dropped_bytes(self) -> int:
        """Of a send that was cut off before it was acknowledged, found when the log was opened."""
        return self._segments[-1].dropped_bytes

    def __len__(self) -> int:
        return self.next - self.first

    @property
    def last_sequence_number(self) -> int:
        """Of the last event that ever was, retained or not; -1 when there was none."""
        return self.next - 1

    @property
    def last_offset(self) -> int:
        """Of the last event that ever was; -1 when there was none."""
        filled = self._filled
        return -1 if filled is None else filled.offsets[-1]

    @property
    def last_enqueued_ms(self) -> int | None:
        """Milliseconds since 1970-01-01 UTC of the last event that ever was; None when there was none."""
        filled = self._filled
        return None if filled is None else filled.times[-1]

    @property
    def _filled(self) -> Segment | None:
        """The file with the last event: a new one has none yet."""
        return next((segment for segment in reversed(self._segments) if segment.offsets), None)

    @property
    def end_offset(self) -> int:
        """The offset the next event will get."""
        return self._segments[-1].end

    def append(self, events: Sequence[Appendable]) -> int:
        """Write `events` as one batch, all or nothing, and return the first one's sequence number.

        Raises:
            OSError: the disk refused; the log is as it was before.
        """
        # The clock may be set back or restarted earlier; a partition's time never goes backwards.
        now_ms, last_ms = self._clock.now_ms(), self.last_enqueued_ms
        enqueued_ms = now_ms if last_ms is None else max(now_ms, last_ms)
        segment = self._segments[-1]
        if segment.size >= self._segment_bytes:
            segment = Segment.create(self.folder, self.next, segment.end)
            self._segments.append(segment)
        first, offset = self.next, segment.end
        offsets = array("q")
        records = []
        for index, event in enumerate(events):
            message = event.encode(first + index, offset, enqueued_ms)
            records.append(pack(first + index, enqueued_ms, len(events) - index - 1, message))
            offsets.append(offset)
            offset += len(records[-1])
        segment.append(b"".join(records), offsets, enqueued_ms)
        self.next += len(offsets)
        return first

    def read(self, sequence_number: int, most: int, most_bytes: int) -> list[bytes]:
        """Encoded messages from one on: at least it, at most `most`, and none that starts past `most_bytes`."""
        segment = self._segments[-1]
        if sequence_number < segment.first:
            segment = self._segments[bisect_right(self._segments, sequence_number, key=lambda each: each.first) - 1]
        return segment.read(sequence_number, most, most_bytes)

    def first_at_offset(self, offset: int, *, inclusive: bool) -> int:
        """The first event kept with an offset above (or at) `offset`; `next` when there is none yet."""
        find = bisect_left if inclusive else bisect_right
        return self._first_in([(segment, find(segment.offsets, offset)) for segment in self._segments])

    def first_at_time(self, enqueued_ms: int, *, inclusive: bool) -> int:
        """The first event kept that was enqueued after (or at) `enqueued_ms`; `next` when there is none yet."""
        find = bisect_left if inclusive else bisect_right
        return self._first_in([(segment, find(segment.times, enqueued_ms)) for segment in self._segments])

    def _first_in(self, found: list[tuple[Segment, int]]) -> int:
        numbers = (segment.first + index for segment, index in found if index < len(segment.offsets))
        return max(self.first, next(numbers, self.next))

    def drop_before(self, sequence_number: int) -> None:
        """Move the head up to an event, at most behind the last one; what lies below it is gone for good.

        A file is deleted when none of its events is kept. The one with the last event stays: it tells where the
        next one goes.
        """
        wanted = min(sequence_number, self.next)
        if wanted > self.first:
            draft = self.folder / f".{_HEAD}"
            draft.write_text(str(wanted))
            draft.replace(self.folder / _HEAD)
            self.first = wanted
        while self._segments[0].next <= self.first and self._segments[0] not in (self._filled, self._segments[-1]):
            self._segments.pop(0).delete()

    def close(self) -> None:
        """Force everything to the disk and let go of the files."""
        for segment in self._segments:
            segment.close()


def head(folder: Path) -> int:
    """The sequence number below which retention has taken everything."""
    try:
        return int((folder / _HEAD).read_text())
    except FileNotFoundError:
        return 0


def partition_folder(data_dir: Path, hub: str, partition_id: str) -> Path:
    """Where the files of a partition are."""
    return data_dir / hub / partition_id


def read_partition(data_dir: Path, hub: str, partition_id: str) -> Iterator[Record]:
    """Every event that a partition holds, straight from its files: no server, no SDK, safe while one is running.

    Raises:
        FileNotFoundError: there is no such partition under `data_dir`.
        DamagedLogError: a file is not what was written.
    """
    folder = partition_folder(data_dir, hub, partition_id)
    paths = segments_in(folder)
    if not paths:
        raise FileNotFoundError(f"{folder}: no log of partition {partition_id!r} of hub {hub!r}")
    return _kept(folder, paths)


def _kept(folder: Path, paths: Sequence[Path]) -> Iterator[Record]:
    oldest = head(folder)
    for path in paths:
        try:
            for record in whole_batches(path):
                if record.sequence_number >= oldest:
                    yield record
        except FileNotFoundError:
            continue  # retention was quicker
