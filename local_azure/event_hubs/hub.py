"""Hubs and their partitions: the things a client can name.

Belongs here: what exists, where an event goes, who is told of new ones. Does not: how a partition stores
(`log`), or who may connect (`cbs`).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.errors import NOT_FOUND, AmqpError
from local_azure.event_hubs.log import Appendable, PartitionLog, partition_folder
from local_azure.event_hubs.partition_key import partition_of

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?")
MOST_PARTITIONS = 1024
DEFAULT_CONSUMER_GROUP = "$Default"


class HubSetupError(Exception):
    """The hubs cannot be opened as asked."""


class Partition:
    """One partition: its log, and whom to wake when it grows."""

    def __init__(self, hub: str, partition_id: str, log: PartitionLog) -> None:
        self.hub = hub
        self.partition_id = partition_id
        self.log = log
        self._waiting: set[Callable[[], None]] = set()

    def append(self, events: Sequence[Appendable]) -> None:
        """Store a batch and wake whoever waits for it."""
        self.log.append(events)
        for wake in tuple(self._waiting):
            wake()

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called after each append."""
        self._waiting.add(wake)

    def unsubscribe(self, wake: Callable[[], None]) -> None:
        """Stop calling `wake`."""
        self._waiting.discard(wake)


class Hub:
    """A named set of partitions, created once and kept."""

    def __init__(self, name: str, created_ms: int, partitions: Sequence[Partition]) -> None:
        self.name = name
        self.created_ms = created_ms
        self.partitions = {partition.partition_id: partition for partition in partitions}
        self._ordered = tuple(partitions)
        self._turn = 0

    def partition(self, partition_id: str) -> Partition:
        """The partition of that id, or not-found."""
        try:
            return self.partitions[partition_id]
        except KeyError:
            raise AmqpError(NOT_FOUND, f"hub '{self.name}' has no partition '{partition_id}'") from None

    def choose(self, partition_key: str | None) -> Partition:
        """The partition of a key; without one, each in turn."""
        if partition_key is not None:
            return self._ordered[partition_of(partition_key, len(self._ordered))]
        self._turn = (self._turn + 1) % len(self._ordered)
        return self._ordered[self._turn - 1]


class Namespace:
    """All hubs under one data folder, which belongs to one process at a time."""

    def __init__(self, data_dir: Path, hubs: Mapping[str, int], clock: Clock) -> None:
        self.clock = clock
        self.hubs: dict[str, Hub] = {}
        data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(data_dir / ".lock")
        try:
            for name, partitions in hubs.items():
                self.hubs[name] = _open_hub(data_dir, name, partitions, clock)
        except BaseException:
            self.close()
            raise

    def hub(self, name: str) -> Hub:
        """The hub of that name, or not-found."""
        try:
            return self.hubs[name]
        except KeyError:
            known = ", ".join(sorted(self.hubs)) or "none"
            raise AmqpError(NOT_FOUND, f"there is no hub '{name}' here; there is: {known}") from None

    def close(self) -> None:
        """Close every log and give the folder free."""
        for hub in self.hubs.values():
            for partition in hub.partitions.values():
                partition.log.close()
        os.close(self._lock)


def _lock(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 32).decode(errors="replace").strip()
        os.close(file)
        raise HubSetupError(
            f"{path.parent} is in use by another Event Hubs endpoint (pid {holder}). "
            "Stop it, or choose another folder with --data."
        ) from None
    os.ftruncate(file, 0)
    os.pwrite(file, str(os.getpid()).encode(), 0)
    return file


def _open_hub(data_dir: Path, name: str, partitions: int, clock: Clock) -> Hub:
    if not _NAME.fullmatch(name):
        raise HubSetupError(f"'{name}' cannot be a hub's name: letters, digits, '.', '-' and '_', up to 256")
    if not 1 <= partitions <= MOST_PARTITIONS:
        raise HubSetupError(f"hub '{name}': {partitions} partitions; choose 1 to {MOST_PARTITIONS}")
    description = data_dir / name / "hub.json"
    if not description.exists():
        description.parent.mkdir(parents=True, exist_ok=True)
        draft = description.with_suffix(".tmp")
        draft.write_text(json.dumps({"partitions": partitions, "created_ms": clock.now_ms()}))
        draft.replace(description)
    kept = json.loads(description.read_text())
    if kept["partitions"] != partitions:
        raise HubSetupError(
            f"hub '{name}' in {data_dir} has {kept['partitions']} partitions, not {partitions}. "
            f"Ask for {name}:{kept['partitions']}, or choose another folder with --data."
        )
    ids = [str(number) for number in range(partitions)]
    opened = [Partition(name, i, PartitionLog(partition_folder(data_dir, name, i), clock)) for i in ids]
    return Hub(name, kept["created_ms"], opened)
