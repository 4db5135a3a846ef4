"""What a digest stands for can be had again from the lake."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.silver import digests
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.store import Lake
from quality.contracts.tables import DIGESTS


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def test_a_digest_is_kept_once_and_fetched_whole(lake: Lake) -> None:
    canonicaliser = Canonicaliser.of(load_specs())
    for _ in range(2):
        digests.keep(lake, canonicaliser)

    fetched = digests.fetch(lake, canonicaliser.digest)

    assert (fetched.digest, fetched.content) == (canonicaliser.digest, canonicaliser.content)
    assert lake.rows(DIGESTS).num_rows == 1


def test_a_digest_the_lake_does_not_hold_is_named(lake: Lake) -> None:
    with pytest.raises(KeyError, match="digest 0123 is not in silver.digests"):
        digests.fetch(lake, "0123")
