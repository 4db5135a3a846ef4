"""What a worker says about itself: while it runs and when it has ended.

Belongs here: the two records. Does not: how they are shown (the command line), or log lines (each module its own).
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_workers.lost import Gap


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the worker stands, for a progress bar."""

    received: int
    committed: int
    commits: int
    lag: int
    """Events the hub has and Bronze has not, as far as the last look at the hub tells."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to."""

    ended: str
    """`stopped`, `at head` or `idle`."""
    received: int
    committed: int
    commits: int
    already_there: int
    """Events read again that Bronze held: after a crash, or beside another worker."""
    gaps: tuple[Gap, ...]
    positions: dict[str, int]
    """Last sequence number Bronze holds per partition."""
    seconds: float
