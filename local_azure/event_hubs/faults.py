"""What can be made to go wrong on demand, and whether it goes wrong now.

Belongs here: the kinds of fault, whom and how long each concerns. Does not: how one is asked for (`control`), or the
harm itself, which is done where the thing happens: in links, sessions and connections.

While no fault is active `Faults` is false, and that is all an event pays for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from itertools import count
from typing import Any

from local_azure.event_hubs.errors import INTERNAL_ERROR

SENDER, RECEIVER = "sender", "receiver"


class Kind(StrEnum):
    """What goes wrong. Those that happen at once happen to what is there; the others to what comes while they last."""

    THROTTLE = "throttle"
    """Sends are rejected and new links refused with `com.microsoft:server-busy`."""
    REJECT = "reject"
    """Sends are rejected with `condition`."""
    STALL = "stall"
    """Receivers get nothing, though events come and the connection lives."""
    DELAY = "delay"
    """Each settlement, and each chunk of events to a receiver, comes `delay` seconds late."""
    DUPLICATE = "duplicate"
    """Events are delivered to receivers a second time, as after a failover; `times` counts events."""
    LOSE_ACKNOWLEDGEMENT = "lose_acknowledgement"
    """A send is stored, and its connection dropped before the sender is told."""
    REFUSE_TOKENS = "refuse_tokens"
    """No token is accepted."""
    EXPIRE_TOKENS = "expire_tokens"
    """At once: every token put so far has expired, and the links that need one are detached."""
    DETACH = "detach"
    """At once, and new links for as long as it lasts: detached with `amqp:link:detach-forced`."""
    DROP = "drop"
    """At once, and new connections for as long as it lasts: cut off without a word.

    Where only some are concerned: as soon as a connection asks for a link that is."""


AT_ONCE = frozenset((Kind.EXPIRE_TOKENS, Kind.DETACH, Kind.DROP))


class UnknownFaultError(ValueError):
    """A fault was asked for in words that say nothing; the text says which do."""


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    `hub`, `partition` and `role` ("sender" or "receiver", as the client is) narrow whom it concerns; None concerns
    all. It is over after `seconds`, or once it struck `times` times, or when it is cleared, whichever comes first.
    """

    kind: Kind
    seconds: float | None = None
    times: int | None = None
    hub: str | None = None
    partition: str | None = None
    role: str | None = None
    delay: float = 0.0
    condition: str = INTERNAL_ERROR
    id: int = field(default=0, init=False)
    strikes: int = field(default=0, init=False)
    ends: float = field(default=float("inf"), init=False)

    def concerns(self, hub: str | None, partition: str | None, role: str | None) -> bool:
        """Whether somebody there is meant."""
        wanted = ((self.hub, hub), (self.partition, partition), (self.role, role))
        return all(asked is None or asked == given for asked, given in wanted)

    def over(self, now: float) -> bool:
        """Whether it can strike no more."""
        return now >= self.ends or (self.times is not None and self.strikes >= self.times)

    def described(self, now: float) -> dict[str, Any]:
        """As JSON takes it; `left` is in seconds."""
        told = asdict(self)
        ends = told.pop("ends")
        return told | {"left": None if ends == float("inf") else round(max(0.0, ends - now), 3)}


def requested(request: Mapping[str, Any]) -> Fault:
    """The fault that a request asks for.

    Raises:
        UnknownFaultError: there is no such kind, field or value.
    """
    known = {each.name: each for each in fields(Fault) if each.init}
    if not request.keys() <= known.keys():
        raise UnknownFaultError(f"a fault has {', '.join(known)}; not {', '.join(sorted(request.keys() - known))}")
    try:
        kind = Kind(str(request.get("kind")))
    except ValueError:
        raise UnknownFaultError(f"there is no kind '{request.get('kind')}'; there are {', '.join(Kind)}") from None
    for name, types in (("seconds", int | float), ("times", int), ("delay", int | float)):
        value = request.get(name, 0)
        if value is not None and (not isinstance(value, types) or isinstance(value, bool) or value < 0):
            raise UnknownFaultError(f"{name} has to be a number from 0 on, not {value!r}")
    for name in ("hub", "partition", "condition"):
        if not isinstance(request.get(name, ""), str | None):
            raise UnknownFaultError(f"{name} has to be text, not {request[name]!r}")
    if request.get("role") not in (None, SENDER, RECEIVER):
        raise UnknownFaultError(f"role is '{SENDER}' or '{RECEIVER}', not {request['role']!r}")
    return Fault(**{name: value for name, value in request.items() if value is not None} | {"kind": kind})


class Faults:
    """Those that are active."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._active: list[Fault] = []
        self._ids = count(1)

    def __bool__(self) -> bool:
        return bool(self._active)

    def add(self, fault: Fault) -> Fault:
        """Have it strike from now on. One that happens at once, and is given no time, is over already."""
        fault.id = next(self._ids)
        if fault.seconds is not None:
            fault.ends = self._now() + fault.seconds
        elif fault.kind in AT_ONCE:
            fault.ends = self._now()
        elif fault.kind is Kind.LOSE_ACKNOWLEDGEMENT and fault.times is None:
            fault.times = 1
        if not fault.over(self._now()):
            self._active.append(fault)
        return fault

    def active(self) -> list[Fault]:
        """Those that can still strike, oldest first."""
        now = self._now()
        self._active = [fault for fault in self._active if not fault.over(now)]
        return list(self._active)

    def described(self) -> list[dict[str, Any]]:
        """Those that can still strike, as JSON takes them."""
        return [fault.described(self._now()) for fault in self.active()]

    def clear(self, fault_id: int | None = None) -> int:
        """End one, or all; says how many there were."""
        before = len(self.active())
        self._active = [fault for fault in self._active if fault_id is not None and fault.id != fault_id]
        return before - len(self._active)

    def strike(
        self, kind: Kind, hub: str | None = None, partition: str | None = None, role: str | None = None
    ) -> Fault | None:
        """The oldest fault of that kind that concerns somebody there, counted as having struck."""
        return next((fault for fault, _ in self._striking(kind, 1, hub, partition, role)), None)

    def strike_many(self, kind: Kind, most: int, hub: str, partition: str, role: str) -> int:
        """How many of `most` things there it strikes, counted each."""
        return next((struck for _, struck in self._striking(kind, most, hub, partition, role)), 0)

    def _striking(
        self, kind: Kind, most: int, hub: str | None, partition: str | None, role: str | None
    ) -> list[tuple[Fault, int]]:
        for fault in self.active() if self._active else ():
            if fault.kind is kind and fault.concerns(hub, partition, role):
                struck = most if fault.times is None else min(most, fault.times - fault.strikes)
                fault.strikes += struck
                return [(fault, struck)]
        return []
