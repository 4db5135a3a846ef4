"""On a local disk, a commit that was acknowledged survives a power cut.

Belongs here: fsync of data files, log entries and the folders that name them, and the repair of a log entry that a
power cut left torn. Does not: object stores, which acknowledge what is durable; what is written (`data_files`, `sink`).

A log entry builds on all before it, so all of them are made durable, whoever wrote them. An entry appears by a link to
a finished file: one that is torn was written when the power went, was never acknowledged, and has no successor.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import structlog

from lake.files import sync

log = structlog.get_logger(__name__)

LOOKED_BACK = 20
"""Entries from before this process that are made durable with its first commit; the kernel has written older ones."""


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder below `root`, durably; at once where it is there."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for made in (folder, *folder.parents):
        sync(made)
        if made == root:
            return


class DurableLog:
    """The Delta log of a table in a local folder."""

    def __init__(self, table: Path) -> None:
        self._folder = table / "_delta_log"
        self._upto: int | None = None

    def make_durable(self, version: int) -> None:
        """All entries up to `version`, with their checkpoints."""
        first = max(version - LOOKED_BACK, 0) if self._upto is None else self._upto + 1
        for entry in range(first, version + 1):
            for name in (f"{entry:020d}.json", f"{entry:020d}.checkpoint.parquet"):
                with suppress(FileNotFoundError):  # no checkpoint here, or cleaned up since
                    sync(self._folder / name)
        with suppress(FileNotFoundError):
            sync(self._folder / "_last_checkpoint")
        sync(self._folder)
        self._upto = version

    def mend(self) -> None:
        """Take a torn newest entry away; readers and writers would fail at it."""
        newest = max(self._folder.glob("[0-9]*.json"), default=None)
        if newest is None or _whole(newest):
            return
        log.warning(
            "a power cut left a log entry torn: it was never acknowledged and is taken away, its events are read again",
            entry=str(newest),
            bytes=newest.stat().st_size,
        )
        newest.unlink(missing_ok=True)
        sync(self._folder)


def _whole(entry: Path) -> bool:
    try:
        lines = entry.read_bytes().splitlines()
    except FileNotFoundError:
        return True
    try:
        return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines)
    except ValueError:
        return False
