"""Which checkpoint store the settings name.

Belongs here: from `LAKE_BRONZE__OWNERSHIP` to a store. Does not: what is claimed in it (`ownership.balancer`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from azure.eventhub import CheckpointStore

from ingest_workers.ownership.file_store import FileCheckpointStore
from settings.model import Settings

BLOB_OPTIONS: dict[str, Any] = {"retry_total": 1, "connection_timeout": 5, "read_timeout": 5}
"""A look that fails is followed by the next one; waiting in it would let our claims grow old."""


def checkpoint_store(settings: Settings) -> CheckpointStore | None:
    """The store that workers share partitions through; None where each reads all.

    Raises: ValueError where an address names no container.
    """
    where = settings.bronze.ownership
    if not where:
        return None
    if "://" not in where:
        return FileCheckpointStore(Path(where).absolute())
    from azure.eventhub.extensions.checkpointstoreblob import (  # noqa: PLC0415 - slow to import, needed in Azure only
        BlobCheckpointStore,
    )

    account, _, container = where.rstrip("/").rpartition("/")
    if account.endswith("/") or "://" not in account:
        raise ValueError(
            f"LAKE_BRONZE__OWNERSHIP={where!r} names no container: write https://<account>.blob.core.windows.net/<name>"
        )
    return BlobCheckpointStore(account, container, credential=_credential(settings), **BLOB_OPTIONS)


def _credential(settings: Settings) -> Any:
    if settings.storage_key is not None:
        return settings.storage_key.get_secret_value()
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow to import, needed in Azure only

    return DefaultAzureCredential()
