"""Where the storage part of the endpoint lives, in URLs and as names."""

from __future__ import annotations

ROOT = "storage"
READY_QUEUE = "ready"
SUCCESS_QUEUE = "successes"
FAILURE_QUEUE = "failures"
QUEUES = (READY_QUEUE, SUCCESS_QUEUE, FAILURE_QUEUE)
TEMP_CONTAINER = "uploads"
STATUS_TABLE = "statuses"
# The SDK wants a shared-access signature; on the loopback interface nothing checks it.
SIGNATURE = "sv=2024-11-04&sig=local"
