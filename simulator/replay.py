"""A real file as device messages: one event per row, its bytes untouched.

Belongs here: the envelope of a row (the body is the raw line, property `csv-header` its header, `source` its file), and
which partition a file goes to.
Does not: finding and reading files (`files`), sending (`sender`), or what a row means (`canonical`, by the mapping).
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import structlog

from settings.model import Settings
from simulator.ahead import ahead
from simulator.envelope import Envelope, cost
from simulator.files import SourceFile, count_lines, lines, select
from simulator.sender import Sender
from simulator.statistics import Progress, Statistics

_MESSAGE_ID = "{file:08x}-{line:010d}"
MESSAGE_ID_WIDTH = 8 + 1 + 10
_COUNTED_BYTES = 64 * 2**20
"""Up to this size on disk rows are counted first, so that the bar knows its end."""
_BOM = b"\xef\xbb\xbf"

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True, slots=True)
class ReplaySummary:
    """What was sent, and what was not and why. Every line of a file is an event, a header, blank or too long."""

    events: int = 0
    files: int = 0
    skipped: tuple[str, ...] = ()
    """Files left out, by name: not rows by their ending."""
    headers: int = 0
    blank: int = 0
    too_long: int = 0
    """Lines larger than the hub takes; each is logged with file and line number."""
    batches: int = 0
    retries: int = 0
    """Batches tried again: any of them the hub may hold twice."""
    seconds: float = 0.0
    partitions: dict[str, int] = field(default_factory=dict)
    """Events per partition of the hub."""


class _Piece(NamedTuple):
    partition_id: str
    messages: list[bytes]


def replay(
    settings: Settings,
    path: Path,
    mapping: str,
    *,
    header: bool = False,
    on_progress: Progress | None = None,
) -> ReplaySummary:
    """Send every row of `path` (a file, or a folder of them) for the mapping `mapping` to read.

    `header` says that the first line of a file that is not blank names its columns: it is no event then, and goes with
    every row as property `csv-header`. A file's rows go to one partition, in their order.
    Raises ReplayError for a path or file that cannot be read, SendingError when the hub stays away.
    """
    begin = time.monotonic()
    chosen = select(path)
    total = count_lines(chosen.files, within_bytes=_COUNTED_BYTES)
    if total is not None and header:
        total = max(0, total - len(chosen.files))
    summary = ReplaySummary(files=len(chosen.files), skipped=chosen.skipped)
    statistics = Statistics(total=total)
    with Sender(settings.event_hubs, on_progress=on_progress, statistics=statistics) as sender:
        pieces = _pieces(
            chosen.files, mapping, header=header, partitions=sender.partition_ids, limit=sender.limit, summary=summary
        )
        for piece in ahead(pieces):
            sender.send(piece.messages, partition_id=piece.partition_id)
            summary.partitions[piece.partition_id] = summary.partitions.get(piece.partition_id, 0) + len(piece.messages)
        summary.events, summary.batches, summary.retries = (
            statistics.acknowledged,
            statistics.batches,
            statistics.retries,
        )
    summary.seconds = time.monotonic() - begin
    return summary


def partition_of(name: str, partitions: tuple[str, ...]) -> str:
    """The partition of a file: the same for the same name, whatever else is sent."""
    return partitions[zlib.crc32(name.encode()) % len(partitions)]


def _pieces(
    files: tuple[SourceFile, ...],
    mapping: str,
    *,
    header: bool,
    partitions: tuple[str, ...],
    limit: int,
    summary: ReplaySummary,
) -> Iterator[_Piece]:
    """Full batches per partition: rows of several files share one, so that many small files are not many batches."""
    waiting: dict[str, list[bytes]] = {partition_id: [] for partition_id in partitions}
    sizes = dict.fromkeys(partitions, 0)
    for file in files:
        partition_id = partition_of(file.name, partitions)
        for message in _messages(file, mapping, header=header, limit=limit, summary=summary):
            size = cost(message)
            if sizes[partition_id] + size > limit:
                yield _Piece(partition_id, waiting[partition_id])
                waiting[partition_id], sizes[partition_id] = [], 0
            waiting[partition_id].append(message)
            sizes[partition_id] += size
    yield from (_Piece(partition_id, messages) for partition_id, messages in waiting.items() if messages)


def _messages(file: SourceFile, mapping: str, *, header: bool, limit: int, summary: ReplaySummary) -> Iterator[bytes]:
    envelope = None if header else _envelope(file, mapping, None)
    digest = zlib.crc32(file.name.encode())
    for number, line in lines(file):
        if not line.strip():
            summary.blank += 1
        elif envelope is None:
            envelope = _envelope(file, mapping, _text(line))
            summary.headers += 1
        else:
            message = envelope.wrap(_MESSAGE_ID.format(file=digest, line=number), line)
            if cost(message) > limit:
                summary.too_long += 1
                _log.warning("line not sent: larger than the hub takes", file=file.name, line=number, bytes=len(line))
            else:
                yield message


def _envelope(file: SourceFile, mapping: str, header: str | None) -> Envelope:
    properties = {"schema": mapping, "source": file.name}
    if header is not None:
        properties["csv-header"] = header
    return Envelope(content_type="text/csv", properties=properties, message_id_width=MESSAGE_ID_WIDTH)


def _text(header: bytes) -> str:
    """A header as text, for a property has to be: UTF-8, or else Latin-1, which reads any bytes."""
    header = header.removeprefix(_BOM)
    try:
        return header.decode()
    except UnicodeDecodeError:
        return header.decode("latin-1")
