"""Fixtures for the parts of the local Event Hubs that need no socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.log import PartitionLog
from local_azure.event_hubs.message import Incoming, incoming

# One data section: the smallest message there is.
PLAIN = b"\x00\x53\x75\xa0\x05hello"


@pytest.fixture
def noon() -> Clock:
    """A clock that stands still, so that a test can say what time it is."""
    return Clock(datetime(2024, 2, 29, 12, tzinfo=UTC), speed=0)


@pytest.fixture
def plain() -> Incoming:
    return incoming(PLAIN, 0)


@pytest.fixture
def open_log(tmp_path: Path, noon: Clock) -> Iterator[Callable[..., PartitionLog]]:
    """Open the same log again and again, as a server that is restarted does; its files hold few events."""
    opened: list[PartitionLog] = []

    def reopen(segment_bytes: int = 1 << 20) -> PartitionLog:
        if opened:
            opened.pop().close()
        opened.append(PartitionLog(tmp_path / "hub" / "0", noon, segment_bytes=segment_bytes))
        return opened[-1]

    yield reopen
    for log in opened:
        log.close()
