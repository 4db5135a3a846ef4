"""One lane per partition: what waits is sent as one batch, one batch at a time.

While a batch is under way the next one gathers, so that batches grow with the load. The first event after a pause
leaves at once; under load batches keep a few milliseconds apart, because a batch costs as much as a hundred events.
Belongs here: batches, trying again, backing off, setting apart what the hub refuses.
Does not: how long a sender is willing to wait (`acceptance`), or the link (`hub`).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from ingest_workers.gateways.encoding import cost
from ingest_workers.gateways.hub import RefusedError, ThrottledError

log = structlog.get_logger(__name__)

FIRST_PAUSE, FIRST_THROTTLED_PAUSE, LONGEST_PAUSE = 0.2, 1.0, 10.0
"""Seconds before a batch is sent again; doubled each time."""
APART_SECONDS = 0.004
"""From the start of a batch to that of the next, unless a whole one waits: less than a hub far away takes to answer."""
TROUBLE_SECONDS = 15.0
"""How long a failure is held against a lane in which nothing waits: who is said to be unready gets no traffic, and so
would never find out that it is ready."""


class Sends(Protocol):
    """What a lane needs of a link."""

    def send(self, messages: Sequence[bytes]) -> Awaitable[None]:
        """Return when the hub has them all."""
        ...

    def close(self) -> Awaitable[None]:
        """Give the connection back."""
        ...


@dataclass(eq=False, slots=True)
class Parcel:
    """Messages of one sender for one partition; they are accepted together. Whoever gave up has cancelled `done`."""

    messages: Sequence[bytes]
    size: int
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


def parcels(messages: Sequence[bytes], limit: int) -> list[Parcel]:
    """Messages in as few parcels as a batch's limit allows; none may exceed it alone."""
    found: list[Parcel] = []
    start, size = 0, 0
    for place, message in enumerate(messages):
        needed = cost(message)
        if size + needed > limit and place > start:
            found.append(Parcel(messages[start:place], size))
            start, size = place, 0
        size += needed
    found.append(Parcel(messages[start:], size))
    return found


class Lane:
    """The way to one partition."""

    def __init__(self, partition: str, link: Sends, limit: int) -> None:
        self.partition = partition
        self.throttled = False
        self.batches = self.events = 0
        """Accepted."""
        self._link = link
        self._limit = limit
        self._waiting: deque[Parcel] = deque()
        self._arrived = asyncio.Event()
        self._under_way = False
        self._begun_at = 0.0
        self._trouble: str | None = None
        self._failed_at = 0.0
        self._apart = 0
        """Parcels to be sent one by one, because the hub refused them together."""

    @property
    def waiting(self) -> bool:
        """Whether something is not accepted yet."""
        return self._under_way or bool(self._waiting)

    @property
    def trouble(self) -> str | None:
        """Why the last attempt failed; None once the hub has taken a batch, and some time after nothing waits."""
        if self._trouble is not None and not self._waiting and time.monotonic() - self._failed_at > TROUBLE_SECONDS:
            return None
        return self._trouble

    def put(self, parcel: Parcel) -> None:
        """Send it after those that wait."""
        self._waiting.append(parcel)
        self._arrived.set()

    async def run(self) -> None:
        """Send until cancelled."""
        failures = 0
        while True:
            batch = await self._next()
            self._under_way, self._begun_at = True, time.monotonic()
            try:
                await self._link.send([message for parcel in batch for message in parcel.messages])
            except RefusedError as refusal:
                self._set_apart(batch, refusal)
            except Exception as problem:  # noqa: BLE001 - a lane that dies holds up its devices for ever
                self._waiting.extendleft(reversed(batch))
                failures += 1
                self._note(problem, failures)
                await asyncio.sleep(self._pause(failures))
            else:
                failures = 0
                self._note(None, 0)
                self._accepted(batch)
            finally:
                self._under_way = False

    async def close(self) -> None:
        """Give the connection back."""
        await self._link.close()

    async def _next(self) -> list[Parcel]:
        """What waits, as much as a batch may hold."""
        while True:
            await self._keep_apart()
            batch: list[Parcel] = []
            size = 0
            while self._waiting:
                parcel = self._waiting[0]
                if parcel.done.done():
                    self._waiting.popleft()
                    continue
                if batch and (size + parcel.size > self._limit or self._apart):
                    break
                batch.append(self._waiting.popleft())
                size += parcel.size
            if batch:
                self._apart = max(self._apart - 1, 0)
                return batch
            self._arrived.clear()
            await self._arrived.wait()

    async def _keep_apart(self) -> None:
        """Let a batch gather; whoever comes after a pause does not wait."""
        left = self._begun_at + APART_SECONDS - time.monotonic()
        if left > 0 and sum(parcel.size for parcel in self._waiting) < self._limit:
            await asyncio.sleep(left)

    def _accepted(self, batch: list[Parcel]) -> None:
        self.batches += 1
        for parcel in batch:
            self.events += len(parcel.messages)
            if not parcel.done.done():
                parcel.done.set_result(None)

    def _set_apart(self, batch: list[Parcel], refusal: RefusedError) -> None:
        """Find out whose fault it is: the others must not suffer, nor be sent for ever."""
        if len(batch) > 1:
            self._apart = len(batch)
            self._waiting.extendleft(reversed(batch))
            return
        log.warning("the hub refuses events", partition=self.partition, says=str(refusal))
        if not batch[0].done.done():
            batch[0].done.set_exception(refusal)

    def _note(self, problem: Exception | None, failures: int) -> None:
        if problem is None:
            if self._trouble is not None:
                log.info("the hub takes events again", partition=self.partition)
            self._trouble, self.throttled = None, False
            return
        self._trouble, self.throttled = str(problem), isinstance(problem, ThrottledError)
        self._failed_at = time.monotonic()
        log.warning(
            "the hub does not take events, trying again",
            partition=self.partition,
            throttled=self.throttled,
            attempt=failures,
            error=f"{type(problem).__name__}: {problem}",
        )

    def _pause(self, failures: int) -> float:
        first = FIRST_THROTTLED_PAUSE if self.throttled else FIRST_PAUSE
        longest: float = min(first * 2 ** min(failures - 1, 10), LONGEST_PAUSE)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
