"""What is wrong, in a word, and whether it recovers by itself.

Belongs here: telling the kinds of trouble apart, for log lines; the same words are in the runbook.
Does not: what is done about it; each module retries its own.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal

from deltalake.exceptions import DeltaError

from ingest_workers.source import RefusedError, SourceError, StolenError

Recovers = Literal["by itself", "needs you", "by itself unless it lasts"]

THROTTLED = frozenset({"server-busy", "resource-limit-exceeded", "timeout"})
"""AMQP conditions by which a hub says: not now."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of trouble."""

    name: str
    recovers: Recovers
    todo: str


STOLEN = Kind("partition taken over by another reader", "by itself", "nothing: the ownership store decides whose it is")
REFUSED = Kind("refused", "by itself unless it lasts", "roles and keys take minutes to change; then check them")
WRONG = Kind("cannot go on", "needs you", "see the error")
BUSY = Kind("throttled", "by itself", "nothing; where it lasts, add throughput units to the namespace")
EXPIRED = Kind("token expired", "by itself", "nothing: the next connection brings a new one")
DISK_FULL = Kind("disk full", "needs you", "make room: events wait in the hub, and the worker goes on by itself then")
FORBIDDEN = Kind("the store refuses", "needs you", "check the identity's role on the storage account")
STORE = Kind("store unavailable", "by itself unless it lasts", "nothing while it is short; else look at the store")
CONNECTION = Kind("connection lost", "by itself", "nothing; where it lasts, look at the network and the hub")

WORDS = (
    ("server-busy", BUSY),
    ("serverbusy", BUSY),
    ("toomanyrequests", BUSY),
    ("no space left", DISK_FULL),
    ("quota exceeded", DISK_FULL),
    ("authorizationfailure", FORBIDDEN),
    ("authorizationpermissionmismatch", FORBIDDEN),
    ("permission denied", FORBIDDEN),
    ("403 forbidden", FORBIDDEN),
)
"""How stores say it, where an exception carries no code."""


def kind(problem: BaseException) -> Kind:
    """Which kind of trouble an exception is."""
    if isinstance(problem, StolenError):
        return STOLEN
    text = str(problem).lower()
    if isinstance(problem, SourceError):
        found = REFUSED if isinstance(problem, RefusedError) else WRONG
        return EXPIRED if "expired" in text else found
    if getattr(problem, "error", None) in THROTTLED:
        return BUSY
    if getattr(problem, "errno", None) in FULL:
        return DISK_FULL
    named = next((kind for word, kind in WORDS if word in text), None)
    of_the_store = isinstance(problem, DeltaError) or type(problem) is OSError
    return named or (STORE if of_the_store else CONNECTION)


def said(problem: BaseException) -> dict[str, str]:
    """Fields of a log line about a problem."""
    found = kind(problem)
    return {
        "what": found.name,
        "recovers": found.recovers,
        "todo": found.todo,
        "error": f"{type(problem).__name__}: {problem}",
    }
