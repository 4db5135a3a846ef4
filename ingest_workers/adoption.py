"""Another transport may read on only where it is proved to show the same events under the same numbers.

Belongs here: the proof, partition by partition, and the record of it that a worker of the new transport looks for.
Does not: reading (the transports), or refusing a transport that was not adopted (`sink`).

The fence of a partition is a number, and the number is the broker's. Were AMQP's event 5 Kafka's event 4, the fence
would drop one event or take one twice. So the last events in Bronze are read again through the new transport and
compared, number by number, with the hash of the body.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow.dataset as ds
import structlog
from deltalake import CommitProperties, DeltaTable

from ingest_workers import data_files, epoch
from ingest_workers.events import Events
from ingest_workers.sink import Sink
from ingest_workers.source import Closed, Head, Source
from ingest_workers.transport import source_of
from lake.fence import on_fresh_table
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.model import Settings

log = structlog.get_logger(__name__)

COMPARED = 1000
"""Numbers of a partition that are compared, the last that Bronze holds."""
PATIENCE_SECONDS = 120.0
_AS_IT_CAME = None
"""In place of a hash where a body is not the sender's bytes in both transports, or was erased."""


class AdoptionError(RuntimeError):
    """The new transport does not show, or cannot show, what Bronze holds."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared of one partition."""

    partition_id: str
    last: int
    """Last number in Bronze."""
    matched: int
    """Events whose number and body agree."""
    not_compared: int
    """Events whose number agrees, and whose body the transports show in different ways, or which was erased."""


@dataclass
class _Partition:
    """The end of one partition in Bronze, and what the new transport delivers of it."""

    partition_id: str
    last: int
    first_in_hub: int
    expected: dict[int, bytes | None]
    delivered: dict[int, bytes | None] = field(default_factory=dict)
    complete: bool = False

    @property
    def begin(self) -> int:
        """The first number that both can show."""
        return max(min(self.expected, default=self.last), self.first_in_hub)

    def take(self, events: Events) -> None:
        """Keep the hashes of what both hold."""
        ours = events.pick(
            [row for row, number in enumerate(events.sequence_number) if self.begin <= number <= self.last]
        )
        bodies, properties = (ours.content[name].to_pylist() for name in ("body", "properties"))
        for number, body, pairs in zip(ours.sequence_number, bodies, properties, strict=True):
            self.delivered[number] = _hash(body, pairs)
        self.complete = self.complete or events.sequence_number[-1] >= self.last

    def judge(self) -> Proof:
        """Raises: AdoptionError at the first number that differs, and where nothing could be compared."""
        expected = {number: body for number, body in self.expected.items() if number >= self.begin}
        for number in sorted(expected.keys() | self.delivered.keys()):
            if number not in self.delivered:
                raise AdoptionError(self._differs(number, "Bronze holds it and the new transport does not deliver it"))
            if number not in expected:
                raise AdoptionError(self._differs(number, "the new transport delivers it and Bronze does not hold it"))
            ours, theirs = expected[number], self.delivered[number]
            if ours is not _AS_IT_CAME and theirs is not _AS_IT_CAME and ours != theirs:
                raise AdoptionError(self._differs(number, "the two hold different bodies"))
        matched = sum(
            expected[number] is not _AS_IT_CAME and self.delivered[number] is not _AS_IT_CAME for number in expected
        )
        if not matched:
            raise AdoptionError(
                f"partition {self.partition_id}: the hub holds none of the last events in Bronze any more "
                f"(Bronze ends at {self.last}, the hub begins at {self.first_in_hub}), so nothing shows that the two "
                f"number alike. Read on by the old transport, or begin the hub anew: `lakehouse ingest raise-epoch`."
            )
        return Proof(self.partition_id, self.last, matched, len(expected) - matched)

    def _differs(self, number: int, how: str) -> str:
        return (
            f"partition {self.partition_id}, event {number}: {how}. The transports do not number alike, or this is "
            f"another hub. Nothing was recorded: read on by the old transport."
        )


def adopt(settings: Settings, *, patience: float = PATIENCE_SECONDS) -> list[Proof]:
    """Prove that the transport in the settings shows what Bronze holds, and record that it may read on.

    Empty where there is nothing to adopt: Bronze holds nothing of the hub, or this transport wrote it.
    Raises: AdoptionError; SourceError where the hub cannot be read; DeltaError where the lake takes no record.
    """
    hub, lake = settings.event_hubs, Lake.of(settings)
    life = epoch.current(lake, hub.namespace, hub.hub, floor=hub.epoch)
    sink = Sink(lake, hub.namespace, hub.hub, life, hub.transport)
    table = lake.open(BRONZE_TELEMETRY)
    before = sink.written_by(table)
    if before in {None, hub.transport}:
        return []
    source = source_of(hub)
    try:
        partitions = _ends(table, sink, source.heads())
        _read_again(source, partitions, patience)
    finally:
        source.stop()
    proofs = [partition.judge() for partition in partitions]
    _record(sink, proofs, str(before))
    log.info("transport adopted", origin=sink.origin, before=before, now=hub.transport, partitions=len(proofs))
    return proofs


def _ends(table: DeltaTable, sink: Sink, heads: Mapping[str, Head]) -> list[_Partition]:
    """The last events in Bronze of every partition that has any."""
    found = []
    for partition, head in heads.items():
        last = table.transaction_version(sink.app_id(partition))
        if last is None:
            continue
        if last > head.last:
            raise AdoptionError(
                f"partition {partition}: Bronze ends at {last} and the new transport at {head.last}. The transports do "
                f"not number alike, or this is another hub. Nothing was recorded: read on by the old transport."
            )
        found.append(_Partition(partition, last, head.first, _last_bodies(table, sink, partition, last)))
    return found


def _last_bodies(table: DeltaTable, sink: Sink, partition: str, last: int) -> dict[int, bytes | None]:
    rows = table.to_pyarrow_dataset().to_table(
        columns=["sequence_number", "body", "properties", "erased_at"],
        filter=(ds.field("hub") == sink.hub)
        & (ds.field("partition_id") == partition)
        & (ds.field("epoch") == sink.epoch)
        & (ds.field("sequence_number") > last - COMPARED)
        & (ds.field("sequence_number") <= last),
    )
    return {
        row["sequence_number"]: _AS_IT_CAME if row["erased_at"] else _hash(row["body"], row["properties"] or ())
        for row in rows.to_pylist()
    }


def _hash(body: bytes, pairs: Iterable[tuple[str, str]]) -> bytes | None:
    """`sys.body` marks a body that a transport had to write down itself."""
    if any(name == "sys.body" for name, _ in pairs):
        return _AS_IT_CAME
    return hashlib.sha256(body).digest()


def _read_again(source: Source, partitions: list[_Partition], patience: float) -> None:
    """Read the partitions' ends once more. Raises: AdoptionError where they do not come in time; SourceError."""
    named = {partition.partition_id: partition for partition in partitions if partition.begin <= partition.last}
    if not named:
        return
    complete = threading.Event()

    def deliver(events: Events) -> None:
        partition = named.get(events.partition_id)
        if partition is None or partition.complete:
            raise Closed
        partition.take(events)
        if all(each.complete for each in named.values()):
            complete.set()

    def position(name: str) -> int | None:
        partition = named[name]
        read = max(partition.delivered, default=partition.begin - 1)
        return read if read >= 0 else None

    source.assign(named)
    source.start(position, deliver)
    left = patience
    while not complete.wait(min(left, 0.2)):
        if source.failure is not None:
            raise source.failure
        left -= 0.2
        if left <= 0:
            late = sorted(name for name, partition in named.items() if not partition.complete)
            raise AdoptionError(
                f"partitions {late} did not deliver up to what Bronze holds within {patience:.0f} s; is the hub busy "
                f"or slow? Nothing was recorded: try again."
            )


def _record(sink: Sink, proofs: list[Proof], before: str) -> None:
    """A commit without rows; a worker of the old transport that still runs makes its own the last word again."""
    on_fresh_table(
        sink.lake,
        BRONZE_TELEMETRY,
        lambda table: table.create_write_transaction(
            [],
            mode="append",
            schema=data_files.SCHEMA,
            partition_by=list(BRONZE_TELEMETRY.partition_by),
            commit_properties=CommitProperties(
                custom_metadata={
                    "transport": sink.transport,
                    "origin": sink.origin,
                    "events": "0",
                    "adopted_from": before,
                    "matched": str(sum(proof.matched for proof in proofs)),
                },
                app_transactions=[sink.by_transport()],
            ),
        ),
    )
