"""Landed files as Dagster sees them.

Belongs here: names, wiring and what is reported.
Does not: the work (`files`), or what is made of the files (`assets.silver.entities`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections.abc import Iterator

import dagster as dg

from assets.bronze.files import take
from assets.bronze.landing import Landing
from assets.described import key_of, reported, spec_of
from lake.store import Lake
from quality import checks
from quality.contracts.entity_tables import BRONZE_FILES
from quality.contracts.model import Table
from settings.model import Settings

GROUP = "entities"
"""One lane from the landing folder to the entities, beside those of telemetry."""
POOL = "delta_entities"


def entity_asset(table: Table, *deps: Table) -> dg.AssetSpec:
    """The asset of a table of this lane."""
    return spec_of(table, deps=deps).replace_attributes(group_name=GROUP)


def landed_files() -> dg.AssetsDefinition:
    """The asset `bronze/files`."""

    @dg.multi_asset(
        name="landed_files",
        specs=[entity_asset(BRONZE_FILES)],
        check_specs=[checks.schema_spec(BRONZE_FILES)],
        pool=POOL,
        retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
    )
    def files(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Files of the landing folder that are new, byte for byte."""
        lake.open(BRONZE_FILES)
        taken = take(lake, Landing(settings), context.log.info)
        for name in taken.waiting:
            context.log.warning("left for the next run: %s", name)
        named = [file.name for file in taken.files]
        yield dg.MaterializeResult(
            asset_key=key_of(BRONZE_FILES),
            metadata=reported(
                lake,
                BRONZE_FILES,
                rows=len(named),
                files=", ".join(named[:50]),
                bytes=taken.size,
                landing=settings.landing_root,
                waiting=len(taken.waiting),
            ),
            check_results=[checks.schema_result(lake, BRONZE_FILES)],
        )

    return files
