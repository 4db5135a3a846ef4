"""The SDK's own receive loop with a callback that only counts: what there is before anything is done with an event."""

from __future__ import annotations

import threading
from typing import Any

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

from benchmarks.measured import child


def work(job: dict[str, Any]) -> int:
    """Read `count` events, or as many as there is time for."""
    client = EventHubConsumerClient.from_connection_string(
        job["hub"]["connection_string"], consumer_group="$Default", eventhub_name=job["hub"]["hub"]
    )
    received, done = 0, threading.Event()

    def on_event_batch(context: PartitionContext, events: list[EventData]) -> None:
        nonlocal received
        received += len(events)
        if received >= job["count"]:
            done.set()

    threading.Thread(target=lambda: (done.wait(job["seconds"]), client.close()), daemon=True).start()
    with client:
        client.receive_batch(on_event_batch, starting_position="-1", prefetch=3000, max_batch_size=3000)
    return received


if __name__ == "__main__":
    child(work)
