"""Checkpoint stores a test can trouble, and several balancers over one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from ingest_workers.ownership.balancer import Balancer
from ingest_workers.ownership.file_store import FileCheckpointStore

SEAT = ("local", "telemetry", "$Default")


class Fleet:
    """Balancers over one store, and what each believes it owns."""

    def __init__(self, folder, partitions: int = 8) -> None:
        self.folder = folder
        self.partitions = [str(n) for n in range(partitions)]
        self.owned: dict[str, frozenset[str]] = {}
        self.members: dict[str, Balancer] = {}

    def join(self, name: str, store=None, **options) -> Balancer:
        options = {"renew": 0.05, "expiry": 0.5} | options
        member = Balancer(store or FileCheckpointStore(self.folder), SEAT, name, **options)
        self.owned[name], self.members[name] = frozenset(), member
        member.start(self.partitions, lambda owned: self.owned.__setitem__(name, owned))
        return member

    def assert_soon(self, met: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < deadline, self.owned
            time.sleep(0.01)

    def loads(self, *names: str) -> list[int]:
        return sorted(len(self.owned[name]) for name in names)

    def covered(self, *names: str) -> bool:
        """Whether these read every partition, none twice."""
        held = [partition for name in names for partition in self.owned[name]]
        return sorted(held) == self.partitions


@pytest.fixture
def fleet(tmp_path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path / "claims")
    yield fleet
    for member in fleet.members.values():
        member.stop()
