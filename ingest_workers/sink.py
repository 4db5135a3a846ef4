"""Stop 3 of the data path: a flush becomes one Delta commit, once.

Belongs here: the fence (read txn, drop what is already there, commit through the same table object), the app ids,
and the check that nobody changed the transport under the same fence.
Does not: when to flush (`buffer`), where events come from (`receiver`), what they mean (`canonical`).

The app id names namespace, hub, partition and epoch, and the version is the broker's sequence number. Neither the
consumer group nor the transport is part of it: changing them must not read the hub again under a fresh fence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog
from deltalake import CommitProperties, DeltaTable, Transaction

from ingest_workers import data_files
from ingest_workers.source import Events
from lake.fence import on_fresh_table
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.failpoints import reach

log = structlog.get_logger(__name__)

COMMITS_LOOKED_AT = 1000
"""How far back to look for a Bronze commit behind compactions and the like."""


class TransportChangedError(RuntimeError):
    """Another transport wrote this hub's events before."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers the hub no longer held when they were to be read."""

    partition_id: str
    first: int
    last: int

    @property
    def events(self) -> int:
        """How many."""
        return self.last - self.first + 1


@dataclass(slots=True)
class Committed:
    """What a flush came to."""

    rows: int = 0
    already_there: int = 0
    gaps: list[Gap] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    """Last sequence number the table holds now, per partition of the flush."""


@dataclass(frozen=True)
class Sink:
    """Bronze as one hub's events reach it."""

    lake: Lake
    namespace: str
    hub: str
    epoch: int
    transport: str

    def app_id(self, partition_id: str) -> str:
        """Name of the fence of one partition."""
        return f"bronze/{self.namespace}/{self.hub}/{partition_id}/{self.epoch}"

    @property
    def origin(self) -> str:
        """What the commit says the events come from."""
        return f"{self.namespace}/{self.hub}/{self.epoch}"

    def positions(self, partitions: Iterable[str]) -> dict[str, int | None]:
        """Last sequence number Bronze holds per partition, None where it holds none.

        Raises: TransportChangedError.
        """
        table = self.lake.open(BRONZE_TELEMETRY)
        self._refuse_other_transport(table)
        return {partition: table.transaction_version(self.app_id(partition)) for partition in partitions}

    def commit(self, flush: Mapping[str, Events]) -> Committed:
        """Everything of the flush that is not there yet, in one commit. Committing the same again writes nothing.

        Raises: CommitFailedError after too many conflicts; whatever the store raises when it does not answer.
        """
        return on_fresh_table(self.lake, BRONZE_TELEMETRY, lambda table: self._attempt(table, flush))

    def _attempt(self, table: DeltaTable, flush: Mapping[str, Events]) -> Committed:
        outcome = Committed()
        fresh: dict[str, Events] = {}
        for partition, events in flush.items():
            held = table.transaction_version(self.app_id(partition))
            new = _after(events, held)
            outcome.already_there += len(events) - len(new)
            outcome.positions[partition] = new.sequence_number[-1] if len(new) else -1 if held is None else held
            if len(new):
                fresh[partition] = new
                outcome.gaps += _gaps(new, held)
        outcome.rows = sum(map(len, fresh.values()))
        if outcome.already_there:
            log.info("events were in Bronze already", events=outcome.already_there, origin=self.origin)
        if not fresh:
            return outcome
        reach("bronze.before_commit")
        files = data_files.write(
            self.lake, BRONZE_TELEMETRY, [data_files.rows(self.hub, self.epoch, events) for events in fresh.values()]
        )
        reach("bronze.between_data_file_and_commit")
        table.create_write_transaction(
            files,
            mode="append",
            schema=data_files.SCHEMA,
            partition_by=list(BRONZE_TELEMETRY.partition_by),
            commit_properties=CommitProperties(
                custom_metadata={"transport": self.transport, "origin": self.origin, "events": str(outcome.rows)},
                app_transactions=[
                    Transaction(self.app_id(partition), events.sequence_number[-1])
                    for partition, events in fresh.items()
                ],
            ),
        )
        reach("bronze.after_commit")
        for gap in outcome.gaps:
            log.warning(
                "the hub no longer held these events",
                origin=self.origin,
                partition=gap.partition_id,
                first=gap.first,
                last=gap.last,
                events=gap.events,
            )
        return outcome

    def _refuse_other_transport(self, table: DeltaTable) -> None:
        for commit in table.history(COMMITS_LOOKED_AT):
            if commit.get("origin") != self.origin:
                continue
            if commit.get("transport") == self.transport:
                return
            raise TransportChangedError(
                f"Bronze holds {self.origin} as read by {commit.get('transport')} (version {commit.get('version')}) "
                f"and this worker reads by {self.transport}. Sequence numbers of two transports need not agree. "
                f"Read on by {commit.get('transport')}, or raise LAKE_EVENT_HUBS__EPOCH to begin the hub anew."
            )


def _after(events: Events, held: int | None) -> Events:
    """The events past `held`, ascending, each number once."""
    numbers = events.sequence_number
    if all(map(int.__lt__, numbers, numbers[1:])):
        if held is None or numbers[0] > held:
            return events
        return events.pick(slice(_first_past(numbers, held), None))
    floor = -1 if held is None else held
    first_of = {number: row for row, number in reversed(list(enumerate(numbers))) if number > floor}
    return events.pick([first_of[number] for number in sorted(first_of)])


def _first_past(numbers: list[int], held: int) -> int:
    return next((row for row, number in enumerate(numbers) if number > held), len(numbers))


def _gaps(events: Events, held: int | None) -> list[Gap]:
    """Holes before and between ascending numbers; before the first event Bronze ever held there is none."""
    numbers = events.sequence_number
    before = numbers[0] - 1 if held is None else held
    if numbers[-1] - before == len(numbers):
        return []
    return [
        Gap(events.partition_id, earlier + 1, later - 1)
        for earlier, later in zip([before, *numbers], numbers, strict=False)
        if later > earlier + 1
    ]
