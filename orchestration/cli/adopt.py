"""`lakehouse ingest adopt-transport`: another transport is proved before it may read on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from orchestration.cli import show


def adopt_transport(
    as_json: Annotated[bool, show.JSON] = False,
) -> None:
    """Prove that the transport in the settings shows the events Bronze holds, so that workers may read on by it.

    Stop the workers, set LAKE_EVENT_HUBS__TRANSPORT, run this, start the workers. The last 1,000 events of every
    partition are read again and compared by number and body; where one differs nothing changes.
    """
    from ingest_workers.adoption import adopt
    from settings.load import load

    settings = load()
    proofs = adopt(settings)
    if as_json:
        show.emit([asdict(proof) for proof in proofs])
        return
    transport = settings.event_hubs.transport
    if not proofs:
        show.people.print(f"Nothing to adopt: Bronze holds nothing of this hub, or was read by {transport}.")
        return
    show.table(
        f"{transport} shows what Bronze holds",
        ("partition", "Bronze ends at", "matched", "number only"),
        [(proof.partition_id, proof.last, proof.matched, proof.not_compared) for proof in proofs],
    )
    show.people.print(f"Recorded: workers may read on by {transport}.")
