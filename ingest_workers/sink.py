"""Stop 3 of the data path: a flush becomes one Delta commit, once.

Belongs here: the fence (read txn, drop what is already there, commit through the same table object), the app ids,
and the check that nobody changed the transport under the same fence.
Does not: when to flush (`buffer`), where events come from (`receiver`), what they mean (`canonical`).

The app id names namespace, hub, partition and epoch, and the version is the broker's sequence number. Neither the
consumer group nor the transport is part of it: changing them must not read the hub again under a fresh fence.
Which transport wrote last is a txn of its own: unlike a commit's metadata, it outlives the clean-up of the log.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import stamina
import structlog
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from ingest_workers import data_files, epoch
from ingest_workers.bronze_table import BronzeTable
from ingest_workers.events import Events
from ingest_workers.lost import Gap, LostEvents, as_metadata, gaps, voids
from ingest_workers.trouble import said
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.failpoints import reach

log = structlog.get_logger(__name__)

TRANSPORTS = {"amqp": 1, "kafka": 2}
"""Versions of the txn that names the transport."""
LOOKED_BACK = (10, 100, 1000)
"""How far back to look for a Bronze commit behind compactions and the like."""
LOST_LOOKED_BACK = 100
FILES_KEPT_SECONDS = 600.0
"""Data files whose commit failed are committed by a later try, unless a vacuum may have met them by then."""


class TransportChangedError(RuntimeError):
    """Another transport wrote this hub's events before."""


@dataclass(slots=True)
class Committed:
    """What a flush came to."""

    rows: int = 0
    already_there: int = 0
    gaps: list[Gap] = field(default_factory=list)
    voids: list[Gap] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    """Last sequence number the table holds now, per partition of the flush."""


@dataclass(frozen=True, slots=True)
class _Written:
    """Data files on their way into a commit. Events of the same numbers are the same events."""

    key: tuple[tuple[str, int, int, int], ...]
    files: list[AddAction]
    at: float


@dataclass
class Sink:
    """Bronze as one hub's events reach it; safe between threads."""

    lake: Lake
    namespace: str
    hub: str
    epoch: int
    transport: str
    _looked: bool = field(default=False, init=False, repr=False)
    _written: _Written | None = field(default=None, init=False, repr=False)
    _unrecorded: list[Gap] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        # Between reading the fence and committing, nobody may bring the kept table up to date: its commit would then
        # be checked against the newer snapshot, not against the one that was filtered by.
        self._committing = threading.Lock()
        self._table = BronzeTable(self.lake)
        self._lost = LostEvents(self.lake, self.namespace, self.hub, self.epoch)

    def app_id(self, partition_id: str) -> str:
        """Name of the fence of one partition."""
        return f"bronze/{self.namespace}/{self.hub}/{partition_id}/{self.epoch}"

    def by_transport(self) -> Transaction:
        """What a commit carries that makes this sink's transport the last to have written."""
        return Transaction(self._transport_id, TRANSPORTS[self.transport])

    @property
    def _transport_id(self) -> str:
        return f"bronze/{self.namespace}/{self.hub}/transport/{self.epoch}"

    @property
    def origin(self) -> str:
        """What the commit says the events come from."""
        return f"{self.namespace}/{self.hub}/{self.epoch}"

    def positions(self, partitions: Iterable[str]) -> dict[str, int | None]:
        """Last sequence number Bronze holds per partition, None where it holds none; asked of the store now.

        Raises: TransportChangedError, EpochRaisedError.
        """
        table = self.lake.open(BRONZE_TELEMETRY)  # not the kept object, which belongs to the thread that commits
        self._refuse_old_life(table)
        if not self._looked:
            self._refuse_other_transport(table)
            self._looked = True
        self._lost.recover(table, LOST_LOOKED_BACK)
        return {partition: table.transaction_version(self.app_id(partition)) for partition in partitions}

    def commit(self, flush: Mapping[str, Events]) -> Committed:
        """Everything of the flush that is not there yet, in one commit. Committing the same again writes nothing.

        After a conflict the table is read again and the flush filtered by what the winner wrote; data files that are
        still wanted are not written twice.
        Raises: CommitFailedError after too many conflicts; EpochRaisedError; whatever the store raises when it does
        not answer.
        """
        for turn in stamina.retry_context(
            on=CommitFailedError, attempts=20, timeout=120, wait_initial=0.05, wait_max=2.0, wait_jitter=0.5
        ):
            with turn, self._committing:
                outcome = self._attempt(self._table.fresh(), flush)
        self._record(outcome.gaps + outcome.voids)
        return outcome

    def _record(self, found: list[Gap]) -> None:
        """Record holes; the commit that names them is done, so trouble here must not look like its failure."""
        self._unrecorded += found
        try:
            self._lost.record(self._unrecorded)
        except (DeltaError, OSError) as problem:
            log.warning("a loss could not be recorded yet, trying again with the next commit", **said(problem))
        else:
            self._unrecorded = []

    def _attempt(self, table: DeltaTable, flush: Mapping[str, Events]) -> Committed:
        self._refuse_old_life(table)
        outcome, fresh = self._unseen(table, flush)
        if outcome.already_there:
            log.info("events were in Bronze already", events=outcome.already_there, origin=self.origin)
        if not fresh:
            return outcome
        reach("bronze.before_commit")
        files = self._files(fresh)
        reach("bronze.between_data_file_and_commit")
        table.create_write_transaction(
            files,
            mode="append",
            schema=data_files.SCHEMA,
            partition_by=list(BRONZE_TELEMETRY.partition_by),
            commit_properties=CommitProperties(
                custom_metadata={
                    "transport": self.transport,
                    "origin": self.origin,
                    "events": str(outcome.rows),
                    **as_metadata(outcome.gaps + outcome.voids),
                },
                app_transactions=[
                    *(
                        Transaction(self.app_id(partition), events.sequence_number[-1])
                        for partition, events in fresh.items()
                    ),
                    # Only where it says something new: two workers that commit the same txn at once are a conflict.
                    *([] if self._recorded_transport(table) == self.transport else [self.by_transport()]),
                ],
            ),
        )
        self._written = None
        reach("bronze.after_commit")
        self._table.acknowledge()
        return outcome

    def _unseen(self, table: DeltaTable, flush: Mapping[str, Events]) -> tuple[Committed, dict[str, Events]]:
        """What of a flush lies past the fence of this snapshot."""
        outcome = Committed()
        fresh: dict[str, Events] = {}
        for partition, events in flush.items():
            held = table.transaction_version(self.app_id(partition))
            new = self._past_the_fence(events, held)
            outcome.already_there += len(events) - len(new)
            outcome.positions[partition] = new.sequence_number[-1] if len(new) else -1 if held is None else held
            if len(new):
                fresh[partition] = new
                outcome.gaps += gaps(new, held)
                outcome.voids += voids(new, held)
        outcome.rows = sum(map(len, fresh.values()))
        return outcome, fresh

    def _past_the_fence(self, events: Events, held: int | None) -> Events:
        """Exactly-once is this line; a chaos run that leaves it out must find doubles."""
        return _after(events, held)

    def _files(self, fresh: Mapping[str, Events]) -> list[AddAction]:
        key = tuple(
            (partition, events.sequence_number[0], events.sequence_number[-1], len(events))
            for partition, events in sorted(fresh.items())
        )
        written = self._written
        if written is None or written.key != key or time.monotonic() - written.at > FILES_KEPT_SECONDS:
            content = [data_files.rows(self.hub, self.epoch, events) for events in fresh.values()]
            files = data_files.write(self.lake, BRONZE_TELEMETRY, content)
            written = self._written = _Written(key, files, time.monotonic())
        return written.files

    def _refuse_old_life(self, table: DeltaTable) -> None:
        life = epoch.recorded(table, self.namespace, self.hub)
        if life > self.epoch:
            raise epoch.EpochRaisedError(
                f"the hub {self.hub!r} of {self.namespace!r} is in its life {life} and this worker reads life "
                f"{self.epoch}: start it again, it then reads the new one. Nothing of the new life was taken for old."
            )

    def _refuse_other_transport(self, table: DeltaTable) -> None:
        before = self.written_by(table)
        if before in {None, self.transport}:
            return
        raise TransportChangedError(
            f"Bronze holds {self.origin} as read by {before} and this worker reads by {self.transport}. Sequence "
            f"numbers of two transports need not agree. Read on by {before}, or have the change proved: "
            f"`lakehouse ingest adopt-transport`."
        )

    def written_by(self, table: DeltaTable) -> str | None:
        """The transport that wrote this hub's events last, or was adopted since; None where none did."""
        recorded = self._recorded_transport(table)
        if recorded is not None:
            return recorded
        commit = self._last_commit(table)  # written before the txn was
        return None if commit is None else str(commit.get("transport"))

    def _recorded_transport(self, table: DeltaTable) -> str | None:
        version = table.transaction_version(self._transport_id)
        if version is None:
            return None
        return next((name for name, number in TRANSPORTS.items() if number == version), f"transport {version}")

    def _last_commit(self, table: DeltaTable) -> dict[str, object] | None:
        for depth in LOOKED_BACK:
            history = table.history(depth)
            found = next((commit for commit in history if commit.get("origin") == self.origin), None)
            if found is not None or len(history) < depth:
                return found
        return None


def _after(events: Events, held: int | None) -> Events:
    """The events past `held`, ascending, each number once."""
    numbers = events.sequence_number
    if events.ascending:
        if held is None or not len(numbers) or numbers[0] > held:
            return events
        return events.pick(slice(bisect_right(numbers, held), None))
    floor = -1 if held is None else held
    first_of = {number: row for row, number in reversed(list(enumerate(numbers))) if number > floor}
    return events.pick([first_of[number] for number in sorted(first_of)])
