"""Silver as it is: one promoter, everything new in Bronze, with its plan, fences, conflicts, quarantine and drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assets.silver.promote import Promoter
from benchmarks.silver.warmed import child_with_children
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.store import Lake
from settings.model import Silver

SPECS = Path(__file__).parent / "specs"


def prepare(job: dict[str, Any]) -> Canonicaliser:
    """Compile the mappings and plan their statements, which a worker does once."""
    canonicaliser = Canonicaliser.of(load_specs(SPECS))
    work({**job, "lake": job["warming"]}, canonicaliser)
    return canonicaliser


def work(job: dict[str, Any], canonicaliser: Canonicaliser) -> int:
    """Promote what Bronze holds."""
    return sum(batch.events for batch in Promoter(Lake(job["lake"]), canonicaliser, Silver()).promote())


if __name__ == "__main__":
    child_with_children(prepare, work)
