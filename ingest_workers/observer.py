"""What a worker lets others watch: one interface, called at the few points where something happened.

Belongs here: `Observer`, which watches nothing, and `Several`, which passes every call on.
Does not: what is made of it (`standing` for health and the fleet, `telemetry` for OpenTelemetry).

Called from the worker's threads, once per delivery, commit, look or tick and never per event; a call must be quick and
must not raise. `Several` sees to the latter: watching never stops the work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import structlog

if TYPE_CHECKING:
    from ingest_workers.buffer import Flush
    from ingest_workers.events import Events
    from ingest_workers.sink import Committed
    from ingest_workers.source import Head

log = structlog.get_logger(__name__)

Held: TypeAlias = "Mapping[str, int | None]"
"""Last sequence number Bronze holds per partition; None where it holds none."""
Trouble: TypeAlias = Literal["hub", "store", "partition"]
"""What did not answer: the hub, the lake, or single partitions of the hub."""


class Observer:
    """Watches nothing; override what you want to see."""

    def begun(self, origin: str, transport: str, heads: Mapping[str, Head], held: Held) -> None:
        """The hub answered and Bronze was read: the worker begins after `held`."""

    def assigned(self, partitions: Collection[str], held: Held) -> None:
        """The worker reads exactly these partitions from now on."""

    def received(self, events: Events) -> None:
        """Events were taken into the buffer."""

    def committed(self, flush: Flush, outcome: Committed, seconds: float) -> None:
        """A flush is in Bronze, `seconds` after the worker began to commit it."""

    def looked(self, heads: Mapping[str, Head]) -> None:
        """The hub said how far it reaches."""

    def retried(self, trouble: Trouble, why: object) -> None:
        """Something did not answer and is asked again."""

    def ticked(self, buffered: int, limit: int) -> None:
        """The loop goes round: so many bytes wait, out of so many that may."""

    def ended(self, how: str) -> None:
        """The run is over; `how` is a word for a planned end and a sentence for a failure."""


class Several(Observer):
    """Passes every call on to others; what one of them raises is logged once and goes no further."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers
        self._told: set[tuple[int, str]] = set()

    def begun(self, origin: str, transport: str, heads: Mapping[str, Head], held: Held) -> None:
        """See `Observer`."""
        self._each("begun", origin, transport, heads, held)

    def assigned(self, partitions: Collection[str], held: Held) -> None:
        """See `Observer`."""
        self._each("assigned", partitions, held)

    def received(self, events: Events) -> None:
        """See `Observer`."""
        self._each("received", events)

    def committed(self, flush: Flush, outcome: Committed, seconds: float) -> None:
        """See `Observer`."""
        self._each("committed", flush, outcome, seconds)

    def looked(self, heads: Mapping[str, Head]) -> None:
        """See `Observer`."""
        self._each("looked", heads)

    def retried(self, trouble: Trouble, why: object) -> None:
        """See `Observer`."""
        self._each("retried", trouble, why)

    def ticked(self, buffered: int, limit: int) -> None:
        """See `Observer`."""
        self._each("ticked", buffered, limit)

    def ended(self, how: str) -> None:
        """See `Observer`."""
        self._each("ended", how)

    def _each(self, call: str, *arguments: object) -> None:
        for index, observer in enumerate(self._observers):
            try:
                getattr(observer, call)(*arguments)
            except Exception as problem:  # noqa: BLE001 - watching never stops the work
                if (index, call) not in self._told:
                    self._told.add((index, call))
                    log.warning(
                        "an observer failed; the worker goes on, and this is said once",
                        observer=type(observer).__name__,
                        call=call,
                        error=f"{type(problem).__name__}: {problem}",
                    )
