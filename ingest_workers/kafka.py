"""Event Hubs by its Kafka endpoint, through `confluent-kafka`.

Belongs here: one consumer for all partitions, read in one thread; which partitions, from where; holes in the offsets.
Does not: addresses, credentials and heads (`kafka_client`), which part of a record is which column (`kafka_envelope`).

Partitions are assigned by hand, each with the offset after what Bronze holds: no group decides, and none is told.

A hole in the offsets is one of two things. Below the oldest event the broker holds, it is what retention took: the
numbers are missing from what is delivered, and the sink records them as lost. Between two offsets of which the
broker delivered both sides, nothing is missing: markers of transactions, aborted events and what compaction removed
take an offset and are no events. These ranges are named in `Events.void`.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest_workers import kafka_client
from ingest_workers.events import Events
from ingest_workers.kafka_envelope import columns
from ingest_workers.source import Closed, Deliver, Head, Position, RefusedError, SourceError
from ingest_workers.trouble import said
from settings.clock import now
from settings.model import EventHubs

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.1
"""The client waits so long for a batch to be full: what an event may be late by when there are few."""
BATCH_EVENTS, BATCH_BYTES = 10_000, 16 * 2**20
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0
STOP_SECONDS = 4.0
ASKED_AT_ONCE = 8
REFUSALS = 5
"""So often in a row the broker may refuse us after it let us in: tokens and roles take a moment to change."""
GONE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})  # noqa: SLF001 - librdkafka's own


class KafkaSource:
    """All partitions of one hub, or those assigned; see `source.Source`."""

    transport = "kafka"

    def __init__(self, hub: EventHubs) -> None:
        self._hub = hub
        self._asking: kafka_client.Asking | None = None
        self._asking_lock = threading.Lock()
        self._changed = threading.Condition()
        self._wanted: frozenset[str] | None = None
        self._reading: dict[str, int] = {}
        """Last number read of each partition that is assigned; -1 before the first."""
        self._read_to: dict[str, int] = {}
        """Offset up to which a partition was read to its end."""
        self._delivering: str | None = None
        self._again: set[str] = set()
        """Assigned partitions to give up; those that are still wanted begin again from their position."""
        self._gone: set[str] = set()
        """Partitions whose position the broker once refused."""
        self._closed: set[str] = set()
        """Partitions the worker refused to take more of; left alone until the next assignment."""
        self._fresh = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._refused: list[KafkaError] = []
        self._failure: SourceError | None = None
        self._progressed = False
        self._told_create_time = False

    @property
    def failure(self) -> SourceError | None:
        """Why it cannot go on, once it cannot."""
        return self._failure

    def heads(self) -> Mapping[str, Head]:
        """Every partition and how far it reaches, asked now. Raises: SourceError, KafkaException."""
        asking = self._ask()
        partitions = asking.partitions()
        with ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="heads") as pool:
            reaches = dict(zip(partitions, pool.map(asking.reach, partitions), strict=True))
        if self._thread is None:
            return asking.last_events(reaches)
        return {partition: self._head(partition, low, high) for partition, (low, high) in reaches.items()}

    def _head(self, partition: str, low: int, high: int) -> Head:
        """What is read to its end ends with the last event that was read, whatever offsets follow it.

        A broker may answer with less than it delivered before; that a hub was created anew it says by refusing offsets.
        """
        read = self._reading.get(partition, -1)
        to_the_end = read >= 0 and self._read_to.get(partition, -1) >= high
        return Head(first=low, last=read if to_the_end else max(high - 1, read), empty=low >= high)

    def _ask(self) -> kafka_client.Asking:
        with self._asking_lock:
            if self._asking is None:
                self._asking = kafka_client.Asking(self._hub)
            return self._asking

    def start(self, position: Position, deliver: Deliver) -> None:
        """Read in a thread of its own."""
        self._thread = threading.Thread(target=self._run, args=(position, deliver), name="kafka", daemon=True)
        self._thread.start()

    def assign(self, partitions: Collection[str]) -> None:
        """See `source.Source`. Where the worker itself holds a delivery up, it returns after a few seconds without."""
        with self._changed:
            self._wanted = frozenset(partitions)
            self._closed.clear()
            leaving = set(self._reading) - self._wanted
            self._again |= leaving
            if not self._changed.wait_for(lambda: self._delivering not in leaving, STOP_SECONDS):
                log.warning("a delivery is still waiting for room", partition=self._delivering)

    def recycle(self) -> None:
        """Read on through a fresh client."""
        self._fresh.set()

    def stop(self) -> None:
        """End the thread; one that hangs is left behind, it delivers nothing any more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
            if self._thread.is_alive():
                log.warning("the Kafka client did not close in time")
        with self._asking_lock:
            self._asking = None  # it ends with whoever still asks through it: to close a client in use ends the process

    def _run(self, position: Position, deliver: Deliver) -> None:
        failures = 0
        while not self._stop.is_set():
            self._fresh.clear()
            self._progressed = False
            try:
                self._read(position, deliver)
            except Exception as problem:  # noqa: BLE001 - whatever the client raises, the hub is read again
                failures = 1 if self._progressed else failures + 1
                if isinstance(problem, SourceError) and not (isinstance(problem, RefusedError) and failures < REFUSALS):
                    self._failure = problem
                    return
                pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
                log.warning("the hub is lost, trying again", attempt=failures, pause_s=round(pause, 2), **said(problem))
                self._stop.wait(pause)

    def _read(self, position: Position, deliver: Deliver) -> None:
        """Read until told to stop or to begin anew, or the client fails."""
        client = kafka_client.consumer(self._hub, self._on_error)
        self._again.clear()
        batch = BATCH_EVENTS
        try:
            while not self._stop.is_set() and not self._fresh.is_set():
                self._place(client, position)
                messages = client.consume(batch, POLL_SECONDS)
                if messages:
                    largest = self._take(messages, deliver)
                    batch = max(1, min(BATCH_EVENTS, BATCH_BYTES // max(largest, 1)))
                self._judge_refusals()
        finally:
            with self._changed:
                self._reading.clear()
                self._read_to.clear()
            client.close()

    def _place(self, client: Consumer, position: Position) -> None:
        """Make the assignment what is wanted; partitions that are new, or given up, begin after their position."""
        wanted = self._wanted
        if wanted is None:
            wanted = frozenset(self._reading) or frozenset(self._ask().partitions())
        with self._changed:
            wanted -= self._closed
            leave = [name for name in self._reading if name not in wanted or name in self._again]
            for name in leave:
                del self._reading[name]
                self._read_to.pop(name, None)
            self._again.clear()
        if leave:
            client.incremental_unassign([TopicPartition(self._hub.hub, int(name)) for name in leave])
        begin = {name: self._begin(name, position(name)) for name in sorted(wanted - set(self._reading))}
        if begin:
            client.incremental_assign(
                [TopicPartition(self._hub.hub, int(name), offset) for name, (offset, _) in begin.items()]
            )
            with self._changed:
                self._reading |= {name: last for name, (_, last) in begin.items()}

    def _begin(self, partition: str, held: int | None) -> tuple[int, int]:
        """The offset to read from, and the number before it as far as holes go."""
        if held is None:
            return OFFSET_BEGINNING, -1
        low, high = self._ask().reach(partition)
        if held + 1 < low:
            log.warning("the hub no longer holds what follows", partition=partition, after=held, oldest=low)
            return low, low - 1
        if held >= high and partition in self._gone:
            raise SourceError(
                f"Bronze holds partition {partition} up to {held}, but the hub ends at {high - 1}: the hub was created "
                f"anew. Raise LAKE_EVENT_HUBS__EPOCH."
            )
        return held + 1, held

    def _take(self, messages: list[Message], deliver: Deliver) -> int:
        """Deliver a batch, a partition at a time; the size of its largest event."""
        if any(map(Message.error, messages)):
            messages = [message for message in messages if not self._heard(message)]
        taken_at = int(now().timestamp() * 1_000_000)
        largest = 0
        for number, run in groupby(messages, Message.partition):
            partition = str(number)
            last = self._reading.get(partition)
            if last is None:
                continue
            events = columns(partition, list(run), taken_at)
            if events.sequence_number[0] <= last:  # no broker should, and the worker counts on it
                events = events.pick([row for row, number in enumerate(events.sequence_number) if number > last])
                if not len(events):
                    continue
            events.void = _voids(last, events.sequence_number)
            largest = max(largest, events.longest_body)
            self._tell_create_time(events)
            newest = events.sequence_number[-1]
            if self._delivered(events, deliver):
                self._progressed = True
                self._refused.clear()
                self._reading[partition] = newest
        return largest

    def _delivered(self, events: Events, deliver: Deliver) -> bool:
        """Hand events over unless their partition was given up meanwhile; says whether."""
        partition = events.partition_id
        with self._changed:
            unwanted = self._wanted is not None and partition not in self._wanted
            if unwanted or partition in self._again or partition in self._closed or self._stop.is_set():
                return False
            self._delivering = partition
        try:
            deliver(events)
        except Closed:
            self._closed.add(partition)
            return False
        finally:
            with self._changed:
                self._delivering = None
                self._changed.notify_all()
        return True

    def _heard(self, message: Message) -> bool:
        """Whether it is no event but news of a partition. Raises: what ends the reading."""
        problem = message.error()
        if problem is None:
            return False
        partition = str(message.partition())
        if problem.code() == kafka_client.EOF:
            self._read_to[partition] = int(message.offset() or 0)
        elif problem.code() in GONE:
            self._gone.add(partition)
            raise KafkaException(problem)
        elif problem.code() in kafka_client.REFUSALS:
            self._refused.append(problem)
        elif problem.fatal() or problem.code() in kafka_client.UNKNOWN:
            raise KafkaException(problem)
        else:
            log.warning("a partition is lost, the client tries again", partition=partition, error=problem.str())
        return True

    def _on_error(self, problem: KafkaError) -> None:
        """What concerns the client and no partition; called by it while it is asked for events."""
        if problem.code() in kafka_client.REFUSALS:
            self._refused.append(problem)
        else:
            log.warning("the client lost its broker and tries again", error=problem.str())

    def _judge_refusals(self) -> None:
        if len(self._refused) >= REFUSALS:
            raise kafka_client.said(self._hub, self._refused[-1])

    def _tell_create_time(self, events: Events) -> None:
        if self._told_create_time or "sys.create_time" not in dict(events.content["properties"][0].as_py()):
            return
        self._told_create_time = True
        log.warning(
            "the hub keeps the producers' times: enqueued_at is when this worker took an event. "
            "Set the hub's message timestamp type to LogAppend",
            hub=self._hub.hub,
        )


def _voids(last: int, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges without events after `last` and between ascending numbers; none before the first that was ever read."""
    before = numbers[0] - 1 if last < 0 else last
    if numbers[-1] - before == len(numbers):
        return []
    return [
        (earlier + 1, later - 1)
        for earlier, later in zip([before, *numbers], numbers, strict=False)
        if later > earlier + 1
    ]
