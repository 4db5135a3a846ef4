"""Who may read a partition: owner levels and the limit on readers.

Belongs here: the rules, per hub, consumer group and partition. Does not: links and frames; a receiver is anything
that can be told to leave.
"""

from __future__ import annotations

from typing import Protocol

from local_azure.event_hubs.errors import LINK_STOLEN, RESOURCE_LIMIT, AmqpError

MOST_WITHOUT_OWNER_LEVEL = 5
Seat = tuple[str, str, str]


class Evictable(Protocol):
    """A receiver as the rules see it."""

    @property
    def owner_level(self) -> int | None:
        """The link's epoch; None for a reader that shares."""

    def detach(self, problem: AmqpError) -> None:
        """Make the receiver leave."""


class Receivers:
    """Everybody who reads, by seat: (hub, consumer group, partition)."""

    def __init__(self) -> None:
        self._seated: dict[Seat, list[Evictable]] = {}

    def admit(self, seat: Seat, newcomer: Evictable) -> None:
        """Seat `newcomer`, detaching those it displaces.

        A reader with an owner level displaces all without one and all of the same or a lower level. A reader
        without one is refused while an owner reads.

        Raises:
            AmqpError: an owner of a higher level reads, or too many without a level do.
        """
        seated = self._seated.get(seat, [])
        level = newcomer.owner_level
        owner = max((other.owner_level for other in seated if other.owner_level is not None), default=None)
        if owner is not None and (level is None or level < owner):
            raise AmqpError(
                LINK_STOLEN,
                f"partition {seat[2]} of '{seat[0]}' is read in {seat[1]} at owner level {owner}; "
                f"a receiver {'without one' if level is None else f'at {level}'} has to wait",
            )
        if level is None and len(seated) >= MOST_WITHOUT_OWNER_LEVEL:
            raise AmqpError(
                RESOURCE_LIMIT,
                f"partition {seat[2]} of '{seat[0]}' already has {len(seated)} receivers in {seat[1]}, the most",
            )
        if level is not None:
            for other in tuple(seated):
                other.detach(AmqpError(LINK_STOLEN, f"a receiver at owner level {level} took partition {seat[2]}"))
        self._seated.setdefault(seat, []).append(newcomer)

    def leave(self, seat: Seat, receiver: Evictable) -> None:
        """Free the seat of a receiver that is gone."""
        seated = self._seated.get(seat, [])
        if receiver in seated:
            seated.remove(receiver)
        if not seated:
            self._seated.pop(seat, None)
