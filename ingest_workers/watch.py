"""Is the stream alive? A partition whose head moves while nothing of it arrives has gone silent.

Belongs here: the verdict. The SDK can lose a partition without an error, and a restart cures it.
Does not: asking the broker or acting on the verdict (`worker`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest_workers.source import Head


@dataclass(slots=True)
class Watchdog:
    """Compares what the broker has with what arrived, look by look."""

    patience: float
    """Seconds a partition may stay behind without receiving anything."""
    _behind_since: dict[str, tuple[int, float]] = field(default_factory=dict)

    def silent(self, heads: Mapping[str, Head], received: Mapping[str, int | None], at: float) -> list[str]:
        """Partitions that have been behind, and received nothing, for longer than the patience.

        `received` is the last sequence number that arrived per partition; `at` counts seconds.
        """
        found = []
        for partition, head in heads.items():
            arrived = -1 if (last := received.get(partition)) is None else last
            if head.empty or arrived >= head.last:
                self._behind_since.pop(partition, None)
                continue
            seen, since = self._behind_since.get(partition, (None, at))
            if seen != arrived:
                self._behind_since[partition] = (arrived, at)
            elif at - since >= self.patience:
                found.append(partition)
        return found

    def forgive(self) -> None:
        """Begin to count anew: something was done about it, or the worker itself held the stream up."""
        self._behind_since.clear()
