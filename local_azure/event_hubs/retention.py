"""How long events are kept: by age, by size, or for ever.

Belongs here: the rule that says where a partition's head is now. Does not: moving it (`log`), or when to look
(`server`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from local_azure.event_hubs.log import PartitionLog


@dataclass(frozen=True, slots=True)
class Retention:
    """Events older than `age`, by the endpoint's clock, go; so do the oldest once a partition exceeds `size` bytes."""

    age: timedelta | None = None
    size: int | None = None

    def apply(self, log: PartitionLog, now_ms: int) -> None:
        """Move the head of a log to where the rule wants it."""
        oldest = log.first
        if self.age is not None:
            oldest = max(oldest, log.first_at_time(now_ms - self.age // timedelta(milliseconds=1), inclusive=True))
        if self.size is not None:
            oldest = max(oldest, log.first_at_offset(log.end_offset - self.size, inclusive=True))
        if oldest > log.first:
            log.drop_before(oldest)
