"""Compressed bodies: what broken ones cost."""

from __future__ import annotations

import psutil
import pyarrow as pa
import pytest

from canonical.canonicaliser import EVENTS_SCHEMA
from canonical.compression import decompressed

BODIES = 5_000
LARGEST = 1 << 20


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "deflate"])
def test_broken_bodies_leave_nothing_behind_in_memory(encoding) -> None:
    events = _events(encoding, b"no such thing as " + encoding.encode())
    _, faults = decompressed(events, LARGEST)  # what is allocated once
    before = psutil.Process().memory_info().vms

    decompressed(events, LARGEST)

    assert faults.to_pylist() == ["broken"] * BODIES
    # A buffer of the largest size that is kept for each would be 5 GB.
    assert psutil.Process().memory_info().vms - before < 500 << 20


def _events(encoding: str, body: bytes) -> pa.Table:
    columns = {"body": [body] * BODIES, "content_encoding": [encoding] * BODIES}
    nothing = {name: [None] * BODIES for name in EVENTS_SCHEMA.names}
    loose = pa.schema([field.with_nullable(True) for field in EVENTS_SCHEMA])
    return pa.table(nothing | columns, schema=loose)
