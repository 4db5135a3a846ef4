"""Partitions come and go: what a worker owns becomes what it reads.

Belongs here: the order in which a partition is let go and taken up, and the thread that does it.
Does not: who owns what (`ownership`), reading (`receiver`), or the fence that makes any mistake here harmless (`sink`).

Letting go: the buffer refuses the partition, so its reader ends even where it waits for room; then the source is told.
What was buffered is committed as usual: whoever reads the partition next filters by the same fence.
Taking up: Bronze is asked how far the partition reaches, then the buffer takes it, then the source is told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeAlias

import structlog

from ingest_workers.buffer import Buffer
from ingest_workers.source import Source
from ingest_workers.trouble import said

log = structlog.get_logger(__name__)

Held: TypeAlias = "Mapping[str, int | None]"
Moved: TypeAlias = Callable[[Collection[str], Held], None]
"""Told what was let go and what is taken up, with how far Bronze reaches, before the latter is read."""
AGAIN_SECONDS = 1.0


class Ownership(Protocol):
    """Says which partitions are ours; see `ownership.balancer`."""

    def start(self, partitions: Collection[str], changed: Callable[[frozenset[str]], None]) -> None:
        """Begin to claim partitions; calls `changed` with all we own whenever that is other than before."""

    def stop(self) -> None:
        """Give up what we own."""


class Assignment:
    """Makes a source read what is owned, soon."""

    def __init__(
        self, source: Source, buffer: Buffer, positions: Callable[[Collection[str]], Held], moved: Moved
    ) -> None:
        self._source, self._buffer, self._positions, self._moved = source, buffer, positions, moved
        self.reads: frozenset[str] = frozenset()
        """What is read now."""
        self.failure: RuntimeError | None = None
        """Why nothing more can be taken up, once it cannot."""
        self._wanted: frozenset[str] = frozenset()
        self._changed = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="assignment", daemon=True)

    def start(self, partitions: Collection[str]) -> None:
        """Read none of `partitions` until they are owned; the source has not begun yet."""
        self._buffer.refuse(partitions)
        self._source.assign(())
        self._thread.start()

    def want(self, owned: frozenset[str]) -> None:
        """This is what is owned now; returns at once."""
        with self._changed:
            self._wanted = owned
            self._changed.notify_all()

    def stop(self) -> None:
        """Change nothing any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _run(self) -> None:
        pause: float | None = None
        while True:
            with self._changed:
                if not self._over and (pause is not None or self._wanted == self.reads):
                    self._changed.wait(pause)
                if self._over:
                    return
                wanted = self._wanted
            try:
                self._follow(wanted)
                pause = None
            except RuntimeError as problem:  # ours: another life or transport of the hub, a source that cannot go on
                self.failure = problem
                return
            except Exception as problem:  # noqa: BLE001 - whatever it is, what is owned must be read
                log.warning(
                    "partitions could not be taken up, trying again", partitions=sorted(wanted), **said(problem)
                )
                pause = AGAIN_SECONDS

    def _follow(self, wanted: frozenset[str]) -> None:
        if lost := self.reads - wanted:
            self._buffer.refuse(lost)
            self._source.assign(self.reads - lost)
            self.reads -= lost
            self._moved(lost, {})
        if gained := wanted - self.reads:
            held = self._positions(gained)
            self._moved((), held)
            self._buffer.allow(gained)
            self._source.assign(wanted)
            self.reads = wanted
