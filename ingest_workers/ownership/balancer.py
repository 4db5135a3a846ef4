"""The thread that keeps this worker's share of the partitions.

Belongs here: claim, renew, steal, give up, and telling the worker when its share changes.
Does not: what a fair share is (`ownership.share`), or reading partitions (the worker, told by `changed`).

Ownership saves work, it guards nothing: two workers that both believe they own a partition are sorted out by the
fence in `sink`. So trouble with the store costs no reading: what we own we keep until somebody else has claimed it.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import structlog
from azure.eventhub import CheckpointStore

from ingest_workers.ownership.share import NOBODY, Sightings, decide
from settings.failpoints import reach

log = structlog.get_logger(__name__)

Claim: TypeAlias = Mapping[str, Any]
Changed: TypeAlias = Callable[[frozenset[str]], None]
JOIN_SECONDS = 15.0


def worker_name(given: str = "") -> str:
    """A name no other process has, now or after a restart."""
    return f"{given or socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


class Balancer:
    """One worker's claims on the partitions of one hub and consumer group."""

    def __init__(
        self,
        store: CheckpointStore,
        seat: tuple[str, str, str],
        me: str,
        *,
        renew: float = 3.0,
        expiry: float = 12.0,
    ) -> None:
        """`seat` is namespace, hub and consumer group; `renew` and `expiry` are seconds."""
        self.me = me
        self._store, self._seat, self._renew = store, seat, renew
        self._sightings = Sightings(expiry)
        self._partitions: Sequence[str] = ()
        self._changed: Changed = lambda _: None
        self._owned: dict[str, Claim] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ownership", daemon=True)

    def start(self, partitions: Iterable[str], changed: Changed) -> None:
        """Begin to claim; `changed` is called from this thread with everything we own, and must return at once."""
        self._partitions, self._changed = sorted(partitions), changed
        self._thread.start()

    def stop(self) -> None:
        """Renew no more and give up what we own, so that the others need not wait for it to expire."""
        self._stop.set()
        if self._thread.ident is None:
            return
        self._thread.join(JOIN_SECONDS)
        if self._thread.is_alive():
            log.warning("the ownership store does not answer: claims are left to expire", worker=self.me)
            return
        reach("ownership.before_release")
        given_up = [{**claim, "owner_id": NOBODY} for claim in self._owned.values()]
        self._owned = {}
        try:
            self._store.claim_ownership(given_up)
        except Exception as problem:  # noqa: BLE001 - the claims expire by themselves
            log.warning("claims are left to expire", worker=self.me, error=f"{type(problem).__name__}: {problem}")

    def _run(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            try:
                moved = self._round(time.monotonic())
            except Exception as problem:  # noqa: BLE001 - whatever the store raises, the next look may succeed
                log.warning(
                    "the ownership store does not answer: keeping what is owned; recovers by itself",
                    worker=self.me,
                    owned=sorted(self._owned),
                    error=f"{type(problem).__name__}: {problem}",
                )
                moved = False
            pause = self._renew * random.uniform(0.7, 1.0) / (3 if moved else 1)  # noqa: S311 - jitter

    def _round(self, at: float) -> bool:
        """Look, renew, take one step; says whether our share changed."""
        claims = {str(claim["partition_id"]): claim for claim in self._store.list_ownership(*self._seat)}
        owners = self._sightings.owners(self._partitions, claims, at)
        mine = {partition: claims[partition] for partition in claims if claims[partition].get("owner_id") == self.me}
        kept = self._claimed(mine.values())
        step = decide(self.me, owners | dict.fromkeys(kept, self.me))
        wanted = [*step.claim, *([step.steal] if step.steal is not None else [])]
        taken = self._claimed(self._claim_on(partition, claims.get(partition)) for partition in wanted)
        # A store that had trouble hands our own claim back unchanged: it was not made.
        taken = {p: claim for p, claim in taken.items() if claim.get("etag") != claims.get(p, {}).get("etag")}
        before, self._owned = self._owned.keys(), kept | taken
        if taken:
            reach("ownership.after_claim")
        if before == self._owned.keys():
            return False
        log.info(
            "partitions changed hands",
            worker=self.me,
            gained=sorted(self._owned.keys() - before),
            lost=sorted(before - self._owned.keys()),
            stolen_from=owners[step.steal] if step.steal in taken else None,
        )
        self._changed(frozenset(self._owned))
        return True

    def _claimed(self, claims: Iterable[Claim]) -> dict[str, Claim]:
        return {str(claim["partition_id"]): claim for claim in self._store.claim_ownership(list(claims))}

    def _claim_on(self, partition: str, held: Claim | None) -> Claim:
        namespace, hub, group = self._seat
        return {
            "fully_qualified_namespace": namespace,
            "eventhub_name": hub,
            "consumer_group": group,
            "partition_id": partition,
            "owner_id": self.me,
            "etag": held.get("etag") if held else None,
        }
