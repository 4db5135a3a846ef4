"""Which checkpoint store the settings name.

Belongs here: from `LAKE_BRONZE__OWNERSHIP` to a store, and that its container is there.
Does not: what is claimed in it (`ownership.balancer`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from azure.eventhub import CheckpointStore

from ingest_workers.ownership.file_store import FileCheckpointStore
from ingest_workers.source import SourceError
from settings.model import Settings

log = structlog.get_logger(__name__)

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


def make_container(settings: Settings) -> None:
    """Create the container if it is missing and we may; storage that does not answer now is met again by the balancer.

    Raises: SourceError where it is missing and may not be created, or where we may not see it.
    """
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError  # noqa: PLC0415 - as above
    from azure.storage.blob import ContainerClient  # noqa: PLC0415 - as above

    account, _, container = settings.bronze.ownership.rstrip("/").rpartition("/")
    if "://" not in account:
        return
    with ContainerClient(account, container, credential=_credential(settings), **BLOB_OPTIONS) as client:
        try:
            if not client.exists():
                client.create_container()
                log.info("the container for ownership was missing and is created", account=account, container=container)
        except (ClientAuthenticationError, HttpResponseError) as problem:
            if getattr(problem, "error_code", None) == "ContainerAlreadyExists":
                return  # another worker was quicker
            if problem.status_code not in {401, 403}:
                _not_now(problem)
                return
            raise SourceError(
                f"the container {container!r} of {account} for ownership (LAKE_BRONZE__OWNERSHIP) is missing or closed "
                f"to us: {_first_line(problem)}. Create it (`az storage container create --auth-mode login "
                f"--account-name {_name(account)} --name {container}`) and give this worker's identity the role "
                f"'Storage Blob Data Contributor' on it."
            ) from problem
        except AzureError as problem:
            _not_now(problem)


def _not_now(problem: Exception) -> None:
    log.warning("the storage for ownership does not answer, trying again", error=_first_line(problem))


def _first_line(problem: Exception) -> str:
    return str(problem).partition("\n")[0]


def _name(account: str) -> str:
    """`lake` of `https://lake.blob.core.windows.net`; the last part of an emulator's path."""
    _, _, place = account.partition("://")
    host, _, path = place.partition("/")
    return path or host.partition(".")[0]


def _credential(settings: Settings) -> Any:
    if settings.storage_key is not None:
        return settings.storage_key.get_secret_value()
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow to import, needed in Azure only

    return DefaultAzureCredential()
