"""Gold as Dagster sees it: partitioned by the date a reading was recorded.

Belongs here: names, wiring and what is reported.
Does not: the work (`load`, `quality`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.described import key_of, reported, spec_of
from assets.gold.load import load_dates
from assets.gold.quality import load_quality
from assets.gold.state import dirty_dates, dirty_quality_dates
from assets.runs import due_dates, is_incremental
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality import checks
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import (
    ADX_READINGS,
    DATA_QUALITY_1D,
    DUPLICATES,
    LEVEL_TABLES,
    QUARANTINE,
    READINGS,
)
from settings.model import Settings

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto
else:
    Kusto = Any  # Dagster evaluates annotations, and Azure's SDK takes 2 s to import: only a run that uses it pays

LEVELS_OF_GOLD = tuple(made.table for made in LEVEL_TABLES)
RETRY = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)


def gold_readings(dates: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset `gold/adx_readings` and one of each level, as `gold/readings_1m`."""
    levels = [
        spec_of(table, deps=[ADX_READINGS], kinds={"deltalake", "azuredataexplorer", "gold"})
        for table in LEVELS_OF_GOLD
    ]
    readings = spec_of(ADX_READINGS, deps=[READINGS], kinds={"azuredataexplorer", "gold"})

    @dg.multi_asset(
        name="gold_load",
        specs=[readings.merge_attributes(metadata={"dagster/table_name": kusto_name(ADX_READINGS)}), *levels],
        check_specs=[spec for table in LEVELS_OF_GOLD for spec in (checks.schema_spec(table), checks.keys_spec(table))],
        partitions_def=dates,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="adx_ingest",
        retry_policy=RETRY,
    )
    def gold_load(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        lake: dg.ResourceParam[Lake],
        kusto: dg.ResourceParam[Kusto],
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Readings of whole dates through Azure Data Explorer, swapped in when counted, and copied to Delta."""
        state = snapshot(lake)
        days = due_dates(context, dirty_dates(lake)) if state else []
        again = not is_incremental(context)
        loads = (
            load_dates(lake, kusto, state, days, context.log.info, again=again, spill=settings.spill) if state else []
        )
        done = [load.date for load in loads if not load.skipped]
        totals = _summed(load.rows for load in loads)
        more: dict[str, Any] = {
            "silver_batch": state.batch if state else 0,
            "dates_loaded": ", ".join(map(str, done)) or "none",
            "dates_already_there": sum(load.skipped for load in loads),
            "modes": dict(Counter(load.mode for load in loads)),
            "readings_added": sum(load.added for load in loads),
            "loaded_whole": {str(load.date): load.why or "not loaded before" for load in loads if load.mode == "full"},
        }
        windows = _summed(load.windows for load in loads)
        yield dg.MaterializeResult(
            asset_key=key_of(ADX_READINGS),
            metadata={
                "dagster/partition_row_count": totals.get(kusto_name(ADX_READINGS), 0),
                "dagster/uri": f"{kusto.uri}/{kusto.database}/{kusto_name(ADX_READINGS)}",
                **more,
            },
        )
        for table in LEVELS_OF_GOLD:
            yield dg.MaterializeResult(
                asset_key=key_of(table),
                metadata=reported(
                    lake,
                    table,
                    rows=totals.get(kusto_name(table), 0),
                    windows_rewritten=windows.get(kusto_name(table), 0),
                    **more,
                ),
                check_results=[
                    checks.schema_result(lake, table),
                    checks.keys_result(lake, table, "event_date", done),
                ],
            )

    return gold_load


def _summed(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    totals: Counter[str] = Counter()
    for each in counts:
        totals.update(each)
    return totals


def gold_quality(dates: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset `gold/data_quality_1d`."""

    @dg.multi_asset(
        name="gold_quality",
        specs=[
            spec_of(DATA_QUALITY_1D, deps=[READINGS, QUARANTINE, DUPLICATES], kinds={"deltalake", "duckdb", "gold"})
        ],
        check_specs=[checks.schema_spec(DATA_QUALITY_1D), checks.keys_spec(DATA_QUALITY_1D)],
        partitions_def=dates,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
    )
    def quality(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Rows per mapping, outcome and reason of each day of arrival."""
        state = snapshot(lake)
        days: list[date] = due_dates(context, dirty_quality_dates(lake)) if state else []
        loads = load_quality(lake, state, days) if state else []
        done = [load.date for load in loads if not load.skipped]
        yield dg.MaterializeResult(
            asset_key=key_of(DATA_QUALITY_1D),
            metadata=reported(
                lake,
                DATA_QUALITY_1D,
                rows=sum(load.rows for load in loads),
                dates_loaded=", ".join(map(str, done)) or "none",
            ),
            check_results=[
                checks.schema_result(lake, DATA_QUALITY_1D),
                checks.keys_result(lake, DATA_QUALITY_1D, "enqueued_date", done),
            ],
        )

    return quality
