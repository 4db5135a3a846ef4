"""`lakehouse ingest raise-epoch`: a hub that was created anew, or failed over, begins a new life in Bronze.

Belongs here: whether hub and Bronze show that the numbers began again, and raising the epoch.
Does not: how the epoch is kept (`epoch`), or what a worker makes of it (`sink`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_workers import epoch
from ingest_workers.sink import Sink
from ingest_workers.transport import source_of
from lake.store import Lake
from settings.model import Settings


class GoesOnError(RuntimeError):
    """Nothing shows that the hub's numbers began again."""


@dataclass(frozen=True, slots=True)
class NewLife:
    """What was raised, and why."""

    before: int
    now: int
    held: dict[str, int | None]
    """Last number of each partition Bronze holds of the life before."""
    reaches: dict[str, int]
    """How far each partition of the hub reaches now; -1 where it has never held an event."""


def begin_new_life(settings: Settings, *, forced: bool = False) -> NewLife:
    """Raise the epoch where Bronze holds numbers the hub has not reached, or where it is `forced`.

    Raises: GoesOnError; SourceError or what the transport raises where the hub does not answer.
    """
    hub, lake = settings.event_hubs, Lake.of(settings)
    before = epoch.current(lake, hub.namespace, hub.hub, floor=hub.epoch)
    source = source_of(hub)
    heads = source.heads()
    held = Sink(lake, hub.namespace, hub.hub, before, source.transport).positions(heads)
    begun = [partition for partition, last in held.items() if last is not None and last > heads[partition].last]
    if not begun and not forced:
        raise GoesOnError(
            f"the hub {hub.hub!r} of {hub.namespace!r} has reached everything Bronze holds of it in life {before}: "
            f"nothing shows that it was created anew. In a new life every event it holds now is written to Bronze "
            f"again. Where you know that it was (it may have grown past the old numbers), say so: --force."
        )
    return NewLife(
        before=before,
        now=epoch.raise_epoch(lake, hub.namespace, hub.hub, floor=before),
        held=held,
        reaches={partition: head.last for partition, head in heads.items()},
    )
