"""Who should read what: a fair share of the partitions, approached one step at a time.

Belongs here: `Sightings`, which tells a living owner from a dead one, and `decide`, which says what to claim next.
Does not: the store (`ownership.stores`), when to look (`ownership.balancer`). Pure: no clock, no I/O.

Whether an owner lives is judged by whether its claim changes while we watch, by our own monotonic clock. The store's
times and ours are never compared, so a clock that is wrong by an hour steals nothing and waits for nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NOBODY = ""
"""The owner of a claim that was given up."""


@dataclass(slots=True)
class Sightings:
    """When each claim was last seen to change."""

    expiry: float
    """Seconds without a renewal after which an owner counts as dead."""
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)

    def owners(self, partitions: Iterable[str], claims: Mapping[str, Mapping[str, Any]], at: float) -> dict[str, str]:
        """The living owner of each partition, `NOBODY` where there is none; `at` counts seconds."""
        found = {}
        for partition in partitions:
            claim = claims.get(partition)
            owner = str(claim.get("owner_id") or NOBODY) if claim else NOBODY
            if claim and owner != NOBODY:
                etag = str(claim.get("etag"))
                seen, since = self._seen.get(partition, (None, at))
                if seen != etag:
                    self._seen[partition] = (etag, at)
                elif at - since > self.expiry:
                    owner = NOBODY
            found[partition] = owner
        return found


@dataclass(frozen=True, slots=True)
class Decision:
    """What one worker does next."""

    claim: tuple[str, ...] = ()
    """Partitions nobody reads, up to our share."""
    steal: str | None = None
    """One partition of the worker that has the most, where it has two more than we."""


def decide(me: str, owners: Mapping[str, str]) -> Decision:
    """The next step of worker `me` towards a fair share; `owners` names every partition's living owner."""
    loads = Counter(owner for owner in owners.values() if owner != NOBODY)
    mine = loads[me]
    share = -(-len(owners) // len({*loads, me}))
    free = [partition for partition, owner in owners.items() if owner == NOBODY]
    if free:
        # Two workers that begin at once should not both reach for the same ones.
        start = hash(me) % len(free)
        return Decision(claim=tuple((free[start:] + free[:start])[: max(share - mine, 0)]))
    richest, most = max(loads.items(), key=lambda load: (load[1], load[0]), default=(me, mine))
    if most - mine < 2:
        return Decision()
    return Decision(steal=max(partition for partition, owner in owners.items() if owner == richest))
