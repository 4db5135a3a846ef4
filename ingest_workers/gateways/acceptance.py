"""Whether the hub has accepted an event: the one question a gateway answers for.

Belongs here: lanes for all partitions, the bound on what is held, how long a sender waits, and whether the gateway is
ready. Does not: the protocols in front (`http_app`, `mqtt_bridge`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol

import structlog

from ingest_workers.gateways.encoding import cost, message
from ingest_workers.gateways.event import Event
from ingest_workers.gateways.hub import HubError, Layout
from ingest_workers.gateways.lanes import Lane, Parcel, Sends, parcels

log = structlog.get_logger(__name__)

RETRY_SECONDS = 2
"""What a sender is told to wait for; throttled, `THROTTLED_RETRY_SECONDS`."""
THROTTLED_RETRY_SECONDS = 5
DRAIN_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class BusyError(Exception):
    """The hub cannot take more now, or did not answer in time: the events may be in it or not. Send them again."""

    def __init__(self, says: str, retry_after: int = RETRY_SECONDS) -> None:
        super().__init__(says)
        self.retry_after = retry_after


class TooLargeError(Exception):
    """An event is larger than any batch."""

    def __init__(self, index: int, size: int, limit: int) -> None:
        super().__init__(f"event {index} takes {size:,} bytes with its properties; the hub takes up to {limit:,}")
        self.index = index


class Hubs(Protocol):
    """What acceptance needs of a hub."""

    async def layout(self) -> Layout:
        """Partitions and batch size; HubError while there is no answer."""
        ...

    def link(self, partition: str) -> Sends:
        """The link to a partition."""
        ...


class Hold:
    """What one request keeps in memory."""

    def __init__(self, acceptance: Acceptance) -> None:
        self._acceptance = acceptance
        self.size = 0

    def grow(self, size: int) -> None:
        """Account for so many bytes more. Raises: BusyError where all that may be held is."""
        self._acceptance.hold(size)
        self.size += size


class Acceptance:
    """The lanes of a hub. Use `running()` around everything else."""

    def __init__(self, hub: Hubs, buffer_bytes: int) -> None:
        self._hub = hub
        self._buffer_bytes = buffer_bytes
        self._held = 0
        self._layout: Layout | None = None
        self._lanes: dict[str, Lane] = {}
        self._turn = 0
        self._trouble: str | None = "the hub has not answered yet"
        self._closing = False
        self._opened = asyncio.Event()
        self._main: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Acceptance]:
        """Connect in the background and send until the end; then what waits is sent, for a while."""
        self._main = asyncio.create_task(self._run(), name="acceptance")
        try:
            yield self
        finally:
            self._closing = True
            await self._drained()
            self._main.cancel()
            with suppress(asyncio.CancelledError):
                await self._main
            for lane in self._lanes.values():
                await lane.close()

    @property
    def alive(self) -> bool:
        """Whether the tasks that send still run; where not, only a new process helps."""
        return self._main is not None and not self._main.done()

    @property
    def trouble(self) -> str | None:
        """Why no events can be accepted now; None where they can."""
        if self._closing:
            return "the gateway is ending"
        if self._trouble is not None:
            return self._trouble
        stuck = [lane.trouble for lane in self._lanes.values() if lane.trouble is not None]
        if stuck and len(stuck) == len([lane for lane in self._lanes.values() if lane.trouble or lane.batches]):
            return f"the hub takes no events: {stuck[0]}"
        if self._held > 0.9 * self._buffer_bytes:
            return f"{self._held:,} bytes wait for the hub"
        return None

    @property
    def held(self) -> int:
        """Bytes in memory for the hub."""
        return self._held

    @property
    def counts(self) -> tuple[int, int]:
        """Batches and events accepted."""
        lanes = self._lanes.values()
        return sum(lane.batches for lane in lanes), sum(lane.events for lane in lanes)

    async def opened(self) -> None:
        """Wait until the hub has answered for the first time."""
        await self._opened.wait()

    def hold(self, size: int) -> None:
        """Account for bytes in memory, to be given back by `free`. Raises: BusyError."""
        if self._held + size > self._buffer_bytes:
            raise BusyError("too much waits for the hub already", self._retry_after())
        self._held += size

    def free(self, size: int) -> None:
        """Give bytes back."""
        self._held -= size

    @contextmanager
    def holding(self) -> Iterator[Hold]:
        """What is accounted for inside is given back at the end."""
        hold = Hold(self)
        try:
            yield hold
        finally:
            self.free(hold.size)

    async def accept(self, events: Sequence[Event], patience: float) -> None:
        """Return when the hub has accepted all events.

        Raises: TooLargeError before anything is sent; BusyError after `patience` seconds, where some or all of them may
        still be accepted; RefusedError where the hub will never take them.
        """
        waiting = [parcel.done for parcel in self.submit(events)]
        done, late = await asyncio.wait(waiting, timeout=patience)
        for future in late:
            future.cancel()  # what has not left is not sent any more
        for future in done:
            future.result()
        if late:
            trouble = next((lane.trouble for lane in self._lanes.values() if lane.trouble), None)
            raise BusyError(f"the hub did not accept in {patience:g} s: {trouble or 'no answer'}", self._retry_after())

    def submit(self, events: Sequence[Event]) -> list[Parcel]:
        """Send the events; each parcel's `done` tells when the hub has its part. Raises: TooLargeError, BusyError."""
        if self._layout is None or self._closing:
            raise BusyError(self.trouble or "not ready")
        by_partition: dict[str, list[bytes]] = {}
        for index, event in enumerate(events):
            encoded = message(event)
            if cost(encoded) > self._layout.limit:
                raise TooLargeError(index, cost(encoded), self._layout.limit)
            by_partition.setdefault(self._partition(self._layout, event.device), []).append(encoded)
        sent = []
        for partition, messages in by_partition.items():
            for parcel in parcels(messages, self._layout.limit):
                self._lanes[partition].put(parcel)
                sent.append(parcel)
        return sent

    def _partition(self, layout: Layout, device: str | None) -> str:
        if device is not None:
            return layout.partition_of(device)
        self._turn = (self._turn + 1) % len(layout.partitions)
        return layout.partitions[self._turn]

    def _retry_after(self) -> int:
        throttled = any(lane.throttled for lane in self._lanes.values())
        return THROTTLED_RETRY_SECONDS if throttled else RETRY_SECONDS

    async def _run(self) -> None:
        layout = await self._first_layout()
        self._lanes = {name: Lane(name, self._hub.link(name), layout.limit) for name in layout.partitions}
        self._layout, self._trouble = layout, None
        self._opened.set()
        log.info("the hub answers", partitions=len(layout.partitions), batch_bytes=layout.limit)
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes.values():
                tasks.create_task(lane.run(), name=f"lane {lane.partition}")

    async def _first_layout(self) -> Layout:
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._hub.layout()
            except HubError as problem:
                self._trouble = f"the hub does not answer: {problem}"
                log.warning("the hub does not answer, trying again", pause_s=pause, error=str(problem))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _drained(self) -> None:
        """Wait for what has been promised an answer; who asked will not get one from a killed process."""
        for _ in range(math.ceil(DRAIN_SECONDS / 0.05)):
            if not any(lane.waiting for lane in self._lanes.values()):
                return
            await asyncio.sleep(0.05)
        log.warning("events were left unanswered; their senders will send them again")
