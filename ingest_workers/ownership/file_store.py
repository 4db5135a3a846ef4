"""Claims as files of one folder: the checkpoint store of a laptop.

Belongs here: the SDK's `CheckpointStore` over a folder that all workers of one machine see, with the ETag rules of
Blob Storage: a claim is replaced only by who names its current ETag, and made only where there is none.
Does not: who claims what (`ownership.share`). Not for network file systems, whose locks are not to be relied on.

One lock file guards the folder; the lock goes with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from azure.eventhub import CheckpointStore

from settings.clock import now

Record = dict[str, Any]


class FileCheckpointStore(CheckpointStore):  # type: ignore[misc]  # the SDK is not typed here
    """See the SDK's `CheckpointStore`; safe between threads and processes of one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list_ownership(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str, **kwargs: Any
    ) -> Iterable[Record]:
        """Every claim there is."""
        return self._read(fully_qualified_namespace, eventhub_name, consumer_group, "ownership")

    def claim_ownership(self, ownership_list: Iterable[Record], **kwargs: Any) -> Iterable[Record]:
        """Those of the claims that were accepted, each with its new ETag."""
        return [accepted for claim in ownership_list if (accepted := self._claim(dict(claim))) is not None]

    def list_checkpoints(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str, **kwargs: Any
    ) -> Iterable[Record]:
        """Every checkpoint there is."""
        return self._read(fully_qualified_namespace, eventhub_name, consumer_group, "checkpoint")

    def update_checkpoint(self, checkpoint: Record, **kwargs: Any) -> None:
        """Write one; the last one counts."""
        with self._locked():
            self._write(self._path(checkpoint, "checkpoint"), dict(checkpoint))

    def _claim(self, claim: Record) -> Record | None:
        path = self._path(claim, "ownership")
        with self._locked():
            held = _load(path)
            if (held or {}).get("etag") != claim.get("etag"):
                return None
            claim |= {"etag": uuid.uuid4().hex, "last_modified_time": now().timestamp()}
            self._write(path, claim)
        return claim

    def _read(self, namespace: str, hub: str, group: str, kind: str) -> list[Record]:
        folder = self._folder.joinpath(*map(_name, (namespace, hub, group)), kind)
        return [found for path in sorted(folder.glob("*.json")) if (found := _load(path)) is not None]

    def _path(self, record: Record, kind: str) -> Path:
        where = (record["fully_qualified_namespace"], record["eventhub_name"], record["consumer_group"])
        return self._folder.joinpath(*map(_name, where), kind, f"{_name(record['partition_id'])}.json")

    def _write(self, path: Path, record: Record) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(record))
        beside.replace(path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _load(path: Path) -> Record | None:
    with suppress(FileNotFoundError):
        return dict(json.loads(path.read_text()))
    return None


def _name(part: str) -> str:
    """A namespace, hub, group or partition as the name of a file: `$Default` is one, `..` is not."""
    return re.sub(r"[^\w$-]", lambda odd: f"%{ord(odd[0]):02x}", part)
