"""Silver as Dagster sees it: three tables, one operation, partitioned by enqueued hour.

Belongs here: names, wiring and what is reported. A run that a sensor starts takes in everything new; a run that a
person starts for some hours does that too and then recomputes those hours: rebuild, mapping change and quarantine
replay are all this one operation.
Does not: the work (`promote`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.described import key_of, reported, spec_of
from assets.runs import is_incremental
from assets.silver.batches import Batch
from assets.silver.drift_check import drift_result, drift_spec
from assets.silver.in_force import in_force
from assets.silver.judged import judge, unjudged_hours
from assets.silver.promote import Promoter
from canonical.spec_model import MappingSpec
from lake.store import Lake
from quality import checks
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, QUARANTINE, READINGS
from settings.model import Settings

SILVER = (QUARANTINE, DUPLICATES, READINGS)


def silver_tables(hours: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets `silver/readings`, `silver/quarantine` and `silver/duplicates`."""

    @dg.multi_asset(
        name="silver_batch",
        specs=[spec_of(table, deps=[BRONZE_TELEMETRY]) for table in SILVER],
        check_specs=[
            *(checks.schema_spec(table) for table in SILVER),
            checks.keys_spec(READINGS),
            checks.ledger_spec(READINGS),
            drift_spec(),
        ],
        partitions_def=hours,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="delta_silver",
        retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
    )
    def silver_batch(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetMaterialization]:
        """Bronze events as accepted readings, quarantine and duplicates."""
        promoter = Promoter(
            lake,
            in_force(lake, settings.specs),
            settings.silver,
            progress=lambda said, events: context.log.info("%s events %s", f"{events:,}", said),
            spill=settings.spill,
        )
        asked = hours.get_partition_keys_in_range(context.partition_key_range)
        done = promoter.promote()
        if not is_incremental(context):
            recomputed = {hour for batch in done if batch.mode == "replace" for hour in batch.hours}
            replaced = promoter.replace([hour for hour in asked if hour not in recomputed])
            done += [replaced] if replaced else []
        yield from _report(context, lake, done, asked, promoter.canonicaliser.specs)

    return silver_batch


def _report(
    context: dg.AssetExecutionContext,
    lake: Lake,
    done: Sequence[Batch],
    asked: Sequence[str],
    specs: Sequence[MappingSpec],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetMaterialization]:
    # All that changed since the last good verdict: this run's hours, and those of a run that was killed before its own.
    touched = unjudged_hours(context.instance, lake)
    written = {
        READINGS: sum(batch.accepted for batch in done),
        QUARANTINE: sum(batch.quarantined for batch in done),
        DUPLICATES: sum(batch.duplicates for batch in done),
    }
    # Events that arrived while the run was starting may lie in hours it was not started for: say so, one by one.
    for hour in sorted(set(touched) - set(asked)):
        for table in SILVER:
            context.log_event(dg.AssetMaterialization(key_of(table), partition=hour))
    for table in SILVER:
        results = [checks.schema_result(lake, table)]
        if table is READINGS:
            results += [
                checks.keys_result(lake, READINGS, "enqueued_hour", touched),
                judge(context.instance, lake, touched),
                drift_result(lake, specs),
            ]
        yield dg.MaterializeResult(
            asset_key=key_of(table),
            metadata=reported(
                lake,
                table,
                rows=written[table],
                batches=", ".join(str(batch.batch) for batch in done),
                modes=", ".join(batch.mode for batch in done),
                events=sum(batch.events for batch in done),
                hours=", ".join(touched[:50]),
                digest=done[-1].digest if done else "",
            ),
            check_results=results,
        )
