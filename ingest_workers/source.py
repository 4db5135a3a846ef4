"""Stop 1 of the data path: what every transport hands over, and how it is asked.

Belongs here: `Events` (events of one partition as columns), `Head` (how far a partition reaches) and `Source`, the
interface of a transport. It fits AMQP, where each partition pushes on its own, Kafka, where one poll serves all, and
several workers, where partitions come and go: a transport asks for the position of a partition when it begins to
read it, whenever that is, and never keeps one of its own.
Does not: any transport (`amqp`), or what becomes of the events (`buffer`, `sink`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol, TypeAlias

ROW_OVERHEAD = 400
"""Bytes a row takes beside its body and properties: offsets, numbers, Python objects. Measured, rounded up."""


@dataclass(slots=True)
class Events:
    """Events of one partition in the order of their sequence numbers, a list per column of Bronze."""

    partition_id: str
    sequence_number: list[int] = field(default_factory=list)
    offset: list[str] = field(default_factory=list)
    enqueued_at: list[int] = field(default_factory=list)
    """Microseconds since 1970, UTC."""
    ingested_at: list[int] = field(default_factory=list)
    """Microseconds since 1970, UTC."""
    device_id: list[str | None] = field(default_factory=list)
    content_type: list[str | None] = field(default_factory=list)
    content_encoding: list[str | None] = field(default_factory=list)
    schema_ref: list[str | None] = field(default_factory=list)
    properties: list[list[tuple[str, str]]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    """Bytes of the rows, about."""
    void: list[tuple[int, int]] = field(default_factory=list)
    """Ranges of numbers, first and last, that the broker gave to no event: holes that are no loss."""

    def __len__(self) -> int:
        return len(self.sequence_number)

    def extend(self, other: Events) -> None:
        """Append the rows of `other`, which follow ours."""
        for column in COLUMNS:
            getattr(self, column).extend(getattr(other, column))
        self.size += other.size
        self.void += other.void

    def pick(self, rows: Sequence[int] | slice) -> Events:
        """A copy with these rows only; its size is our size in proportion."""
        picked = Events(self.partition_id)
        for column in COLUMNS:
            values = getattr(self, column)
            setattr(picked, column, values[rows] if isinstance(rows, slice) else [values[row] for row in rows])
        picked.size = self.size * len(picked) // max(len(self), 1)
        picked.void = list(self.void)
        return picked


COLUMNS = tuple(f.name for f in fields(Events) if f.name not in {"partition_id", "size", "void"})


@dataclass(frozen=True, slots=True)
class Head:
    """How far a partition reaches, as the broker says."""

    first: int
    """Sequence number of the oldest event it still holds."""
    last: int
    """Sequence number of the newest event it ever took; -1 before the first."""
    empty: bool
    """Whether it holds no event now; `last` says what it once held."""


Position: TypeAlias = Callable[[str], "int | None"]
"""Sequence number of the last event we hold of a partition; None where we hold none and want all there is."""

Deliver: TypeAlias = Callable[[Events], None]
"""Takes events over; blocks while the worker has enough, raises `Closed` when it wants no more."""


class Closed(Exception):  # noqa: N818 - a state, not an error
    """The worker takes no more events; what was offered was not taken."""


class SourceError(RuntimeError):
    """Reading cannot go on by itself; the message says what to do."""


class RefusedError(SourceError):
    """The broker knows us and says no: credentials, role, or a hub that is not there."""


class StolenError(RuntimeError):
    """Another reader of this consumer group took the partition by its owner level; the store will say who keeps it."""


class Source(Protocol):
    """A transport that delivers the events of a hub, each partition in order and without a hole."""

    transport: str
    """Recorded with every commit: `amqp` or `kafka`."""

    def heads(self) -> Mapping[str, Head]:
        """Every partition and how far it reaches, asked of the broker now. Raises where it does not answer."""

    def start(self, position: Position, deliver: Deliver) -> None:
        """Begin to read in threads of its own, each partition from the event after its position.

        Lost connections are retried for ever, with back-off and a log line each: after one, a partition goes on from
        `position` again, so it must count what was delivered.
        """

    def assign(self, partitions: Collection[str]) -> None:
        """Read exactly these from now on; a transport that was never told reads all.

        Returns when the others deliver nothing any more. A partition that comes back is read from its position, asked
        anew. May be called before `start`, after `stop` (without effect), and from any one thread at a time.
        """

    def recycle(self) -> None:
        """Drop all connections and read on through fresh ones."""

    def stop(self) -> None:
        """End reading; returns when nothing is delivered any more. May be called twice."""

    @property
    def failure(self) -> SourceError | None:
        """Why it cannot go on, once it cannot."""
