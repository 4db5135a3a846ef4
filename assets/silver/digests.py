"""The content-addressed store of digests: any row of Silver can be decoded again as it was.

Belongs here: keeping and fetching what a digest stands for, and the versions that a content names.
Does not: what the content means (`canonical.canonicaliser`), or which is in force (`in_force`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from canonical.canonicaliser import Canonicaliser
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import DIGESTS
from settings.clock import now

_MAPPINGS = pa.schema([("mapping_id", pa.string()), ("mapping_version", pa.int32())])


@dataclass(frozen=True)
class Versions:
    """What a content calls its parts: each mapping's version, and the rules with their limits."""

    mappings: pa.Table
    """mapping_id, mapping_version."""
    rules: str
    """8 hexadecimal digits."""


def versions(content: str) -> Versions:
    """The versions a content names."""
    data = json.loads(content)
    specs = [entry["spec"] for entry in data["mappings"]]
    rows = [{"mapping_id": spec["id"], "mapping_version": spec["version"]} for spec in specs]
    rules = json.dumps([data["rules"], data["limits"]], sort_keys=True)
    return Versions(pa.Table.from_pylist(rows, schema=_MAPPINGS), hashlib.sha256(rules.encode()).hexdigest()[:8])


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
