"""Where a run goes: what hub and broker have in common.

Belongs here: the interface between the run and its transports.
Does not: a transport (`hub_outlet`, `mqtt_outlet`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, Self

from simulator.plan import Slice


class Parcel(NamedTuple):
    """Messages of a slice that are acknowledged together."""

    rows: Sequence[int]
    """Which of the slice."""
    send: Callable[[], None]
    """Returns when the other side has them all. Raises: SendingError."""


class Outlet(AbstractContextManager["Outlet"], Protocol):
    """A transport. Messages of one device are taken in the order they were given."""

    def __enter__(self) -> Self:
        """Connect. Raises: SendingError."""

    def parcels(self, piece: Slice) -> list[Parcel]:
        """A slice, encoded and divided; called in another thread than `Parcel.send`."""
