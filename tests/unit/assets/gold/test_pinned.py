"""A load opens a version of a table once, and a head whenever it asks for it."""

from __future__ import annotations

from pathlib import Path

from assets.gold.pinned import PinnedLake
from lake.store import Lake
from quality.contracts.tables import IDENTITY


def test_a_named_version_is_opened_once_and_a_head_is_read_anew(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.identity()
    pinned = PinnedLake.over(lake)
    version = lake.version(IDENTITY)
    first, heads = pinned.dataset(IDENTITY, version), [pinned.rows(IDENTITY).num_rows]

    lake.renew_identity("the test")

    assert pinned.dataset(IDENTITY, version) is first
    assert [*heads, pinned.rows(IDENTITY).num_rows] == [1, 2]
    assert pinned.rows(IDENTITY, version=version).num_rows == 1
    assert pinned.identity() == lake.identity()
