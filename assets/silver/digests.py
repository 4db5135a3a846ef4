"""The content-addressed store of digests: any row of Silver can be decoded again as it was.

Belongs here: keeping and fetching what a digest stands for.
Does not: what the content means (`canonical.canonicaliser`).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from canonical.canonicaliser import Canonicaliser
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import DIGESTS
from settings.clock import now


def keep(lake: Lake, canonicaliser: Canonicaliser) -> None:
    """Store the content unless it is there; two processes may both store it, which does no harm."""
    if canonicaliser.digest in stored(lake):
        return
    row = {"digest": canonicaliser.digest, "content": canonicaliser.content, "stored_at": now()}
    append(lake, DIGESTS, pa.Table.from_pylist([row], schema=arrow_schema(DIGESTS)))


def stored(lake: Lake) -> set[str]:
    """Digests the lake holds."""
    return set(lake.rows(DIGESTS, columns=["digest"])["digest"].to_pylist())


def fetch(lake: Lake, digest: str) -> Canonicaliser:
    """The canonicaliser a digest stands for.

    Raises: KeyError where the lake does not hold it, which only a damaged lake can bring about.
    """
    rows = lake.rows(DIGESTS, columns=["content"], where=pc.field("digest") == digest)
    if rows.num_rows == 0:
        raise KeyError(f"digest {digest} is not in silver.digests; restore the table from the lake's backup")
    return Canonicaliser.from_content(rows["content"][0].as_py())
