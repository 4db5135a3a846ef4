"""Stop 1 of the data path: what every transport hands over, and how it is asked.

Belongs here: `Head` (how far a partition reaches) and `Source`, the interface of a transport. It fits AMQP, where each
partition pushes on its own, Kafka, where one poll serves all, and several workers, where partitions come and go: a
transport asks for the position of a partition when it begins to read it, whenever that is, and never keeps one of its
own.
Does not: the events themselves (`events`), any transport (`amqp`), or what becomes of the events (`buffer`, `sink`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ingest_workers.events import Events


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
