"""The life of a hub: raised when it is created anew or failed over and its sequence numbers begin again.

Belongs here: the epoch as the lake records it, and raising it.
Does not: noticing that a hub began again (`worker`), or the command line.

The number is a txn of the Bronze table itself: a worker reads it from the same snapshot as its fence, so one that
still runs in the old life commits nothing once the new one has begun. `LAKE_EVENT_HUBS__EPOCH` is a floor under it.
"""

from __future__ import annotations

from deltalake import CommitProperties, DeltaTable, Transaction

from ingest_workers import data_files
from lake.fence import on_fresh_table
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY


class EpochRaisedError(RuntimeError):
    """The hub has begun a new life since this worker started."""


def app_id(namespace: str, hub: str) -> str:
    """Name under which a hub's epoch is kept."""
    return f"bronze/{namespace}/{hub}/epoch"


def recorded(table: DeltaTable, namespace: str, hub: str) -> int:
    """The epoch as of a snapshot of Bronze; 0 where none was ever raised."""
    return int(table.transaction_version(app_id(namespace, hub)) or 0)


def current(lake: Lake, namespace: str, hub: str, floor: int) -> int:
    """The epoch a worker that starts now belongs to."""
    return max(floor, recorded(lake.open(BRONZE_TELEMETRY), namespace, hub))


def raise_epoch(lake: Lake, namespace: str, hub: str, floor: int) -> int:
    """Begin a new life of the hub; returns its number. Two who raise at once raise once each."""

    def attempt(table: DeltaTable) -> int:
        begun = max(floor, recorded(table, namespace, hub)) + 1
        table.create_write_transaction(
            [],
            mode="append",
            schema=data_files.SCHEMA,
            partition_by=list(BRONZE_TELEMETRY.partition_by),
            commit_properties=CommitProperties(
                custom_metadata={"epoch_raised": f"{namespace}/{hub}/{begun}"},
                app_transactions=[Transaction(app_id(namespace, hub), begun)],
            ),
        )
        return begun

    return on_fresh_table(lake, BRONZE_TELEMETRY, attempt)
