"""The answers of `$management`: what a hub and a partition look like now.

Belongs here: the two READ operations the SDK uses. Does not: how question and answer travel (`requests`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_azure.event_hubs import codec
from local_azure.event_hubs.addresses import MANAGEMENT
from local_azure.event_hubs.errors import NOT_FOUND, AmqpError
from local_azure.event_hubs.hub import Hub, Namespace, Partition

HUB_TYPE = "com.microsoft:eventhub"
PARTITION_TYPE = "com.microsoft:partition"
# The first instant of the year 1: the service's "never".
_NEVER_MS = -62_135_596_800_000

Answer = tuple[int, str, bytes]


def answer(request: Mapping[str, Any], namespace: Namespace, allowed: Callable[[str], bool]) -> Answer:
    """Status code, description and encoded body for a request's application properties."""
    operation, kind, name = (str(request.get(key)) for key in ("operation", "type", "name"))
    if operation != "READ" or kind not in (HUB_TYPE, PARTITION_TYPE):
        return 400, f"{operation} of {kind} is not served here", codec.NULL
    # Clients may ask with a token for the hub's own management node instead of one for the hub.
    if not (allowed(name) or allowed(f"{name}/{MANAGEMENT}")):
        return 401, f"the connection has put no valid token for '{name}'", codec.NULL
    try:
        hub = namespace.hub(name)
        if kind == HUB_TYPE:
            return 200, "OK", _hub(hub)
        return 200, "OK", _partition(hub.partition(str(request.get("partition"))))
    except AmqpError as problem:
        return (404 if problem.condition == NOT_FOUND else 500), problem.description, codec.NULL


def _hub(hub: Hub) -> bytes:
    return _map(
        type=codec.string(HUB_TYPE),
        name=codec.string(hub.name),
        created_at=codec.timestamp(hub.created_ms),
        partition_count=codec.integer(len(hub.partitions)),
        partition_ids=codec.array_of_strings(hub.partitions),
    )


def _partition(partition: Partition) -> bytes:
    log = partition.log
    last_ms = log.last_enqueued_ms
    return _map(
        type=codec.string(PARTITION_TYPE),
        name=codec.string(partition.hub),
        partition=codec.string(partition.partition_id),
        begin_sequence_number=codec.long(log.first),
        last_enqueued_sequence_number=codec.long(log.last_sequence_number),
        last_enqueued_offset=codec.string(str(log.last_offset)),
        last_enqueued_time_utc=codec.timestamp(_NEVER_MS if last_ms is None else last_ms),
        is_partition_empty=codec.boolean(not len(log)),
    )


def _map(**entries: bytes) -> bytes:
    return codec.mapping((codec.string(name), value) for name, value in entries.items())
