from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import DIGESTS


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def row() -> Callable[[str], pa.Table]:
    """One row of `silver.digests`, the smallest table there is."""

    def make(digest: str) -> pa.Table:
        given = {"digest": digest, "content": "{}", "stored_at": datetime(2026, 3, 1, tzinfo=UTC)}
        return pa.Table.from_pylist([given], schema=arrow_schema(DIGESTS))

    return make
