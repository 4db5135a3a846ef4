"""What a run was started for.

Belongs here: telling a sensor's run from a person's, and the dates of a run.
Does not: starting runs (`sensors`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import dagster as dg

INCREMENTAL = "lakehouse/incremental"
"""Run tag of a sensor's run: bring up to date what is behind, and nothing else."""


def is_incremental(context: dg.AssetExecutionContext) -> bool:
    """Whether a sensor started the run."""
    return INCREMENTAL in context.run.tags


def dates_of(context: dg.AssetExecutionContext) -> list[date]:
    """Every date of the run's partition range."""
    first, last = (date.fromisoformat(key) for key in context.partition_key_range)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def due_dates(context: dg.AssetExecutionContext, dirty: Collection[date]) -> list[date]:
    """The dates to work on: in a sensor's run the dirty ones of the range, in a person's all of it."""
    asked = dates_of(context)
    return [day for day in asked if day in dirty] if is_incremental(context) else asked
