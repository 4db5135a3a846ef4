"""The Bronze worker: source, buffer and sink, started, watched and ended.

Belongs here: the loop, when it ends, and what is done about trouble that lasts.
Does not: any transport (`amqp`), the fence (`sink`), settings and signals (`bronze`).

An event is taken over by its commit and not before. Whatever ends this process, the next one reads on from the fence.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import structlog
from deltalake.exceptions import DeltaError, SchemaMismatchError

from ingest_workers.assignment import Assignment, Ownership
from ingest_workers.buffer import Buffer, Flush
from ingest_workers.events import Events
from ingest_workers.lost import Gap
from ingest_workers.observer import Observer
from ingest_workers.report import Progress, Summary
from ingest_workers.sink import Committed, Sink
from ingest_workers.source import Head, Source, SourceError
from ingest_workers.trouble import said
from ingest_workers.watch import Watchdog

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.2
LONGEST_PAUSE = 15.0
LOOK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds."""

    start: float = 60.0
    """For the hub to answer at all."""
    store: float = 300.0
    """For the lake to take a commit."""
    look: float = LOOK_SECONDS
    """Between looks at how far the hub reaches."""
    silence: float = 60.0
    """For a partition that is behind to deliver something."""
    bronze: float = 1.0
    """Between looks at what other workers have committed, where the run ends at the head."""


class Worker:
    """One run over one hub."""

    def __init__(
        self,
        source: Source,
        buffer: Buffer,
        sink: Sink,
        *,
        patience: Patience | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        observer: Observer | None = None,
        ownership: Ownership | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._source, self._buffer, self._sink = source, buffer, sink
        self._patience = patience or Patience()
        self._on_progress = on_progress
        self._observer = observer or Observer()
        self._ownership = ownership
        self._assignment = Assignment(source, buffer, sink.positions, self._moved) if ownership else None
        self._stop = stop or threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._heads: Mapping[str, Head] = {}
        self._arrived: dict[str, int | None] = {}
        self._held: dict[str, int | None] = {}
        self._received = self._committed = self._commits = self._already_there = 0
        self._gaps: list[Gap] = []
        self._last_arrival = self._looked_at_bronze = 0.0
        self._stalled: SourceError | None = None

    def run(self, *, until_head: bool = False, idle_exit: float | None = None) -> Summary:
        """Read and commit until told to stop.

        `until_head`: or until all the hub held at the start is in Bronze. `idle_exit`: or until nothing came for so
        many seconds.
        Raises: SourceError where reading cannot go on (what was read is committed first), TransportChangedError,
        DeltaError or OSError where the lake does not take a commit for longer than the patience.
        """
        begun = self._last_arrival = time.monotonic()
        self._open()
        targets = {partition: head.last for partition, head in self._heads.items()} if until_head else None
        watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        try:
            try:
                self._read()
                watcher.start()
                ended = self._loop(targets, idle_exit)
            except SourceError:
                self._finish()
                raise
            finally:
                self._halt()
            self._finish()
        finally:
            if self._ownership is not None:
                self._ownership.stop()  # after the last commit: who reads on begins behind it
        if watcher.ident is not None:
            watcher.join(1.0)
        summary = Summary(
            ended=ended,
            received=self._received,
            committed=self._committed,
            commits=self._commits,
            already_there=self._already_there,
            gaps=tuple(self._gaps),
            positions={partition: held for partition, held in self._held.items() if held is not None},
            seconds=round(time.monotonic() - begun, 3),
        )
        log.info(
            "worker ended",
            ended=ended,
            received=summary.received,
            committed=summary.committed,
            commits=summary.commits,
            missing=sum(gap.events for gap in summary.gaps),
            seconds=summary.seconds,
        )
        return summary

    def _open(self) -> None:
        """Where the hub ends, where Bronze ends, and whether the two belong together."""
        self._heads = self._first_heads()
        self._held = self._sink.positions(self._heads)
        if _beyond(self._held, self._heads):
            self._heads = self._source.heads()  # another worker may have written between our two questions
        self._refuse_new_hub(self._held, self._heads)
        self._arrived = dict(self._held)
        self._observer.begun(self._sink.origin, self._source.transport, self._heads, self._held)
        log.info("worker begins", origin=self._sink.origin, transport=self._source.transport, after=self._held)

    def _first_heads(self) -> Mapping[str, Head]:
        until = time.monotonic() + self._patience.start
        pause = 0.5
        while True:
            try:
                return self._source.heads()
            except SourceError:
                raise
            except Exception as problem:
                if time.monotonic() + pause > until or self._stop.is_set():
                    raise SourceError(
                        f"the hub does not answer: {problem}. Is it up, and do LAKE_EVENT_HUBS__… name it?"
                    ) from problem
                self._observer.retried("hub", problem)
                log.warning("the hub does not answer, trying again", pause_s=pause, **said(problem))
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _refuse_new_hub(self, held: Mapping[str, int | None], heads: Mapping[str, Head]) -> None:
        for partition, last, end in _beyond(held, heads):
            raise SourceError(
                f"Bronze holds {self._sink.origin} partition {partition} up to {last}, but the hub ends at {end}: the "
                f"hub was created anew, and its events would be taken for old ones. Begin its new life: `lakehouse "
                f"ingest raise-epoch` (docs/runbooks/hub-created-anew.md), or raise LAKE_EVENT_HUBS__EPOCH."
            )

    def _read(self) -> None:
        """All partitions, or those we come to own."""
        if self._ownership is None or self._assignment is None:
            self._source.start(self._arrived.get, self._deliver)
            return
        self._arrived.clear()
        self._observer.assigned((), {})
        self._assignment.start(self._heads)
        self._source.start(self._arrived.get, self._deliver)
        self._ownership.start(self._heads, self._assignment.want)

    def _moved(self, lost: Collection[str], gained: Mapping[str, int | None]) -> None:
        with self._lock:
            for partition in lost:
                self._arrived.pop(partition, None)
            self._arrived.update(gained)
            self._held.update(gained)
            reads = set(self._arrived)
        self._observer.assigned(reads, gained)

    def _deliver(self, events: Events) -> None:
        count, last = len(events), events.sequence_number[-1]
        self._buffer.put(events)
        with self._lock:
            self._received += count
            self._arrived[events.partition_id] = last
            self._last_arrival = time.monotonic()
        self._observer.received(events)

    def _loop(self, targets: Mapping[str, int] | None, idle_exit: float | None) -> str:
        while True:
            self._commit(self._buffer.take(TICK_SECONDS))
            self._observer.ticked(self._buffer.held, self._buffer.limit)
            self._report()
            given_up = self._assignment.failure if self._assignment else None
            if (problem := self._source.failure or self._stalled or given_up) is not None:
                raise problem
            if self._stop.is_set():
                return "stopped"
            if targets is not None and self._reached(targets):
                return "at head"
            if idle_exit is not None and time.monotonic() - self._last_arrival >= idle_exit:
                return "idle"

    def _reached(self, targets: Mapping[str, int]) -> bool:
        """Whether everything up to the targets has arrived, here or in Bronze, or is no longer there to arrive."""
        self._look_at_bronze(targets.keys() - self._arrived.keys())
        for partition, target in targets.items():
            there = self._arrived[partition] if partition in self._arrived else self._held.get(partition)
            head = self._heads[partition]
            if not head.empty and head.first <= target and (there is None or there < target):
                return False
        return True

    def _look_at_bronze(self, partitions: Collection[str]) -> None:
        """How far others have come with what we do not read."""
        if not partitions or time.monotonic() - self._looked_at_bronze < self._patience.bronze:
            return
        self._looked_at_bronze = time.monotonic()
        try:
            held = self._sink.positions(partitions)
        except (DeltaError, OSError) as problem:
            self._observer.retried("store", problem)
            log.warning("the lake does not say how far it reaches, trying again", **said(problem))
            return
        with self._lock:
            self._held.update(held)

    def _halt(self) -> None:
        self._over.set()
        self._buffer.close()
        if self._assignment is not None:
            self._assignment.stop()
        self._source.stop()

    def _finish(self) -> None:
        """Commit what was taken over; the receivers have ended."""
        self._halt()
        self._commit(self._buffer.drain())
        self._report()

    def _commit(self, flush: Flush | None) -> None:
        """Nobody but us may hold on to the flush: while the next one is awaited, its memory is free."""
        if flush is None:
            return
        begun = time.monotonic()
        outcome = self._committed_once(flush, begun)
        self._buffer.release(flush)
        with self._lock:
            self._committed += outcome.rows
            self._commits += outcome.rows > 0
            self._already_there += outcome.already_there
            self._gaps += outcome.gaps
            self._held.update(outcome.positions)
        self._observer.committed(flush, outcome, time.monotonic() - begun)
        log.info(
            "committed",
            events=outcome.rows,
            partitions=len(outcome.positions),
            mb=round(flush.size / 2**20, 1),
            seconds=round(time.monotonic() - begun, 3),
        )

    def _committed_once(self, flush: Flush, begun: float) -> Committed:
        """Ask the lake until it takes the flush; asking twice commits once."""
        pause = 0.5
        while True:
            try:
                return self._sink.commit(flush.partitions)
            except SchemaMismatchError:
                raise
            except (DeltaError, OSError) as problem:
                if self._stop.is_set() or time.monotonic() - begun > self._patience.store:
                    raise
                self._observer.retried("store", problem)
                log.warning(
                    "the lake does not take a commit, trying again",
                    pause_s=pause,
                    gives_up_after_s=self._patience.store,
                    **said(problem),
                )
                self._stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(pause * 2, LONGEST_PAUSE)

    def _report(self) -> None:
        if self._on_progress is None:
            return
        with self._lock:
            lag = sum(self._lag(partition, head) for partition, head in self._heads.items())
            progress = Progress(self._received, self._committed, self._commits, lag)
        self._on_progress(progress)

    def _lag(self, partition: str, head: Head) -> int:
        held, arrived = self._held.get(partition), self._arrived.get(partition)
        if head.empty and arrived is None:
            return 0
        before = head.first - 1 if held is None else held
        return max(head.last, -1 if arrived is None else arrived) - before

    def _watch(self) -> None:
        """Look at the hub now and then: for the lag, for silent partitions, for new ones."""
        watchdog = Watchdog(self._patience.silence)
        recycled: dict[str, int | None] = {}
        while not self._over.wait(self._patience.look):
            with self._lock:
                held = dict(self._held)  # before the hub is asked: it has at least these
            try:
                heads = self._source.heads()
            except Exception as problem:  # noqa: BLE001 - the receivers meet the same trouble and deal with it
                self._observer.retried("hub", problem)
                log.warning("the hub does not say how far it reaches", **said(problem))
                watchdog.forgive()
                continue
            try:
                self._refuse_new_hub(held, heads)
            except SourceError as problem:
                self._stalled = problem
                return
            added = sorted(set(heads) - set(self._heads))
            if added:
                self._stalled = SourceError(f"the hub has new partitions {added}: start the worker again to read them")
                return
            with self._lock:
                self._heads = heads
                arrived = dict(self._arrived)
            self._observer.looked(heads)
            if self._buffer.pushing_back:
                watchdog.forgive()
                continue
            ours = {partition: head for partition, head in heads.items() if partition in arrived}
            silent = watchdog.silent(ours, arrived, time.monotonic())
            if not silent:
                continue
            if any(partition in recycled and recycled[partition] == arrived[partition] for partition in silent):
                self._stalled = SourceError(
                    f"partitions {silent} have events and deliver none, also through new connections. Ending, so that "
                    f"the worker is started again; Bronze holds all that came."
                )
                return
            log.warning("partitions have events and deliver none: connecting again", partitions=silent)
            recycled = {partition: arrived[partition] for partition in silent}
            self._observer.retried("partition", f"partitions {silent} have events and deliver none")
            watchdog.forgive()
            self._source.recycle()


def _beyond(held: Mapping[str, int | None], heads: Mapping[str, Head]) -> list[tuple[str, int, int]]:
    """Partitions of which Bronze holds more than the hub ever had."""
    return [
        (partition, last, end)
        for partition, last in held.items()
        if last is not None and last > (end := heads[partition].last if partition in heads else -1)
    ]
