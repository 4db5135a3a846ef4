"""The loop people write: the SDK's consumer, rows as dicts, `write_deltalake`, then the checkpoint.

It is as fast as such a loop is when somebody has read the SDK's advice: a large prefetch, batches, 10,000 rows to a
commit and not one batch, zstd 1. Commit comes before checkpoint, so it loses nothing. After a crash it doubles what was
committed and not checkpointed, and a power cut can take commits it has checkpointed.
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

import pyarrow as pa
from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore
from azure.storage.blob import ContainerClient
from deltalake import WriterProperties, write_deltalake

from benchmarks.measured import child

ROWS = 10_000
SCHEMA = pa.schema(
    [
        ("partition_id", pa.string()),
        ("sequence_number", pa.int64()),
        ("offset", pa.string()),
        ("enqueued_at", pa.timestamp("us", "UTC")),
        ("partition_key", pa.string()),
        ("content_type", pa.string()),
        ("properties", pa.string()),
        ("body", pa.binary()),
    ]
)


def work(job: dict[str, Any]) -> int:
    """Read `count` events, or as many as there is time for."""
    container = f"checkpoints-{uuid.uuid4().hex}"
    ContainerClient.from_connection_string(job["blobs"], container).create_container()
    store = BlobCheckpointStore.from_connection_string(job["blobs"], container)
    client = EventHubConsumerClient.from_connection_string(
        job["hub"]["connection_string"],
        consumer_group="$Default",
        eventhub_name=job["hub"]["hub"],
        checkpoint_store=store,
        load_balancing_interval=1,
        load_balancing_strategy="greedy",
    )
    rows: dict[str, list[dict[str, Any]]] = {}
    newest: dict[str, EventData] = {}
    committed, done = 0, threading.Event()

    def flush(context: PartitionContext) -> None:
        nonlocal committed
        waiting = rows.pop(context.partition_id)
        write_deltalake(
            job["lake"] + "/events",
            pa.Table.from_pylist(waiting, schema=SCHEMA),
            mode="append",
            writer_properties=WriterProperties(compression="ZSTD", compression_level=1),
        )
        context.update_checkpoint(newest[context.partition_id])
        committed += len(waiting)
        if committed >= job["count"]:
            done.set()

    def on_event_batch(context: PartitionContext, events: list[EventData]) -> None:
        waiting = rows.setdefault(context.partition_id, [])
        for event in events:
            waiting.append(
                {
                    "partition_id": context.partition_id,
                    "sequence_number": event.sequence_number,
                    "offset": event.offset,
                    "enqueued_at": event.enqueued_time,
                    "partition_key": event.partition_key and event.partition_key.decode(),
                    "content_type": event.content_type,
                    "properties": json.dumps(
                        {name.decode(): value.decode() for name, value in (event.properties or {}).items()}
                    ),
                    "body": b"".join(event.body),
                }
            )
        if events:
            newest[context.partition_id] = events[-1]
        if len(waiting) >= ROWS or (waiting and not events):  # enough, or nothing has come for a second
            flush(context)

    threading.Thread(target=lambda: (done.wait(job["seconds"]), client.close()), daemon=True).start()
    with client:
        client.receive_batch(
            on_event_batch, starting_position="-1", prefetch=3000, max_batch_size=3000, max_wait_time=1.0
        )
    return committed


if __name__ == "__main__":
    child(work)
