"""Flags as Dagster sees them: partitioned by the date a reading was recorded, on a lane of their own.

Belongs here: names, wiring and what is reported. A sensor's run takes the dates that are due, with their neighbours; a
person's run raises the flags of the dates asked for again, which is what other limits call for.
Does not: the work (`raising`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections import Counter
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.described import reported, spec_of
from assets.runs import due_dates, is_incremental
from assets.silver.flags.raising import FlagLoad, raise_flags
from assets.silver.flags.state import dirty_flag_dates
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality import checks
from quality.contracts.tables import READING_FLAGS, READINGS, SUSPECT_READINGS_1D
from quality.rules.suspect import rules_version
from settings.model import Settings

FLAGGED = (READING_FLAGS, SUSPECT_READINGS_1D)
_KINDS = {"deltalake", "duckdb"}


def reading_flags(dates: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets `silver/reading_flags` and `gold/suspect_readings_1d`."""

    @dg.multi_asset(
        name="flags_load",
        specs=[spec_of(table, deps=[READINGS], kinds={*_KINDS, table.layer}) for table in FLAGGED],
        check_specs=[spec for table in FLAGGED for spec in (checks.schema_spec(table), checks.keys_spec(table))],
        partitions_def=dates,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="delta_flags",
        retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
    )
    def flags_load(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Doubts about accepted readings of whole dates, and how many there are."""
        state = snapshot(lake)
        days = due_dates(context, dirty_flag_dates(lake)) if state else []
        again = not is_incremental(context)
        loads = raise_flags(lake, state, days, again=again, spill=settings.spill) if state else []
        done = [load.date for load in loads if not load.skipped]
        written = (_flags(loads).total(), sum(load.counts for load in loads))
        for table, rows in zip(FLAGGED, written, strict=True):
            yield dg.MaterializeResult(
                asset_key=dg.AssetKey([table.layer, table.name]),
                metadata=reported(lake, table, rows=rows, **_told(loads)),
                check_results=[
                    checks.schema_result(lake, table),
                    checks.keys_result(lake, table, "event_date", done),
                ],
            )

    return flags_load


def _flags(loads: list[FlagLoad]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for load in loads:
        counted.update(dict(load.flags))
    return counted


def _told(loads: list[FlagLoad]) -> dict[str, Any]:
    """What a person wants to know of a run: how much was looked at, and what was found."""
    return {
        "dates_loaded": ", ".join(str(load.date) for load in loads if not load.skipped) or "none",
        "readings": sum(load.readings for load in loads),
        **{f"flags/{code}": count for code, count in sorted(_flags(loads).items())},
        "rules_version": rules_version(),
    }
