"""The ends of the warm tier as Dagster sees them: staging before dbt, publication after it.

Belongs here: names, wiring and what is reported.
Does not: the work (`staging`, `publish`), or dbt's models (`dbt`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections.abc import Iterable, Iterator
from datetime import timedelta

import dagster as dg

from assets.runs import dates_of, is_incremental
from assets.warm.dbt import GROUP, OWNER, POOL, staging_specs
from assets.warm.engine import engine_of
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from lake.store import Lake
from settings.model import Settings

PUBLISHED = dg.AssetKey([GROUP, "published"])


def warm_staging(dates: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets `warm/staging_…`."""

    @dg.multi_asset(
        name="warm_staging",
        specs=staging_specs(),
        partitions_def=dates,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def staging(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Gold's dates, replaced in the warm database in one transaction."""
        # One dbt build costs the same for a date as for a hundred, so a sensor's run takes on all that is dirty.
        behind = is_incremental(context)
        days = list(dirty_warm_dates(lake, settings)) if behind else dates_of(context)
        load = load_staging(lake, settings, days, behind=behind)
        for spec in staging_specs():
            # A table is not among the rows where none of its lane's dates was loaded.
            name = spec.key.path[-1].removeprefix("staging_")
            yield dg.MaterializeResult(
                asset_key=spec.key,
                metadata={
                    "dagster/partition_row_count": load.rows.get(name, len(load.dates)),
                    "dagster/uri": engine_of(settings).location,
                    "dates": ", ".join(map(str, load.dates)) or "none",
                },
            )

    return staging


def warm_published(marts: Iterable[dg.AssetKey], dates: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset `warm/published`: what analysts open."""
    upstream = list(marts)

    @dg.asset(
        key=PUBLISHED,
        deps=upstream,
        group_name=GROUP,
        owners=[OWNER],
        kinds={"duckdb", GROUP},
        description="The warm database as analysts open it, when every test has passed.",
        partitions_def=dates,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=15)),
    )
    def published(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> dg.MaterializeResult[None]:
        """Check what was built, and show it."""
        behind = dirty_warm_dates(lake, settings)
        publication = publish(settings)
        mended = behind.keys() - dirty_warm_dates(lake, settings).keys() - set(dates_of(context))
        # Dates beside the range that the run was named for: Dagster is told of each, so that its picture is true.
        for day in filter(dates.has_partition_key, sorted(map(str, mended))):
            for key in (*(spec.key for spec in staging_specs()), *upstream, PUBLISHED):
                context.log_event(dg.AssetMaterialization(key, partition=day))
        return dg.MaterializeResult(
            metadata={
                "dagster/uri": publication.location,
                "dagster/row_count": sum(publication.rows.values()),
                **{f"rows/{name}": rows for name, rows in publication.rows.items()},
            }
        )

    return published
