"""Reference entities as Dagster sees them: all tables from all files, in one operation.

Belongs here: names, wiring and what is reported.
Does not: the work (`build`), or taking files over (`assets.bronze.asset`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections.abc import Iterator

import dagster as dg

from assets.bronze.asset import POOL, entity_asset
from assets.described import key_of, reported
from assets.silver.entities import checks as entity_checks
from assets.silver.entities.build import Built, build
from assets.silver.entities.state import BUILT
from canonical.entities.specs import load_entity_specs
from lake.store import Lake
from quality import checks
from quality.contracts.entities import ENTITIES
from quality.contracts.entity_tables import BRONZE_FILES, ENTITY_BUILDS, ENTITY_FILES, ENTITY_QUARANTINE, ENTITY_ROWS
from settings.model import Settings

_PARENTS = {
    entity.table.path: [parent.table for parent in ENTITIES if parent.name in {f.parent for f in entity.foreign_keys}]
    for entity in ENTITIES
}


def entity_tables() -> dg.AssetsDefinition:
    """The entities and the tables that keep account of them, as one operation."""
    accounts = [
        entity_asset(table, BRONZE_FILES) for table in (ENTITY_ROWS, ENTITY_QUARANTINE, ENTITY_FILES, ENTITY_BUILDS)
    ]

    @dg.multi_asset(
        name="entity_build",
        specs=[*(entity_asset(e.table, BRONZE_FILES, *_PARENTS[e.table.path]) for e in ENTITIES), *accounts],
        check_specs=[
            *(checks.schema_spec(table) for table in BUILT),
            *(spec for entity in ENTITIES for spec in entity_checks.specs_of(entity)),
            entity_checks.ledger_spec(),
        ],
        pool=POOL,
        retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
    )
    def entity_build(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """All files of Bronze as entities with their history."""
        lake.open(BRONZE_FILES)
        built = build(lake, load_entity_specs(settings.entity_specs), settings, context.log.info)
        yield from _report(lake, built)

    return entity_build


def _report(lake: Lake, built: Built) -> Iterator[dg.MaterializeResult[None]]:
    ledger, balance = entity_checks.ledger_result(lake, built.build)
    entities = {entity.table.path: entity for entity in ENTITIES}
    for table in BUILT:
        results = [checks.schema_result(lake, table)]
        if table.path in entities:
            results += entity_checks.results_of(lake, entities[table.path])
        if table is ENTITY_FILES:
            results.append(balance)
        yield dg.MaterializeResult(
            asset_key=key_of(table),
            metadata=reported(
                lake,
                table,
                rows=built.rows[table.path],
                build=built.build,
                changed=table.path in built.written,
                **(
                    {f"ledger_{name}": count for name, count in ledger.as_dict().items()}
                    if table is ENTITY_FILES
                    else {}
                ),
            ),
            check_results=results,
        )
    yield dg.MaterializeResult(
        asset_key=key_of(ENTITY_BUILDS),
        metadata=reported(lake, ENTITY_BUILDS, rows=1, build=built.build, files=built.files),
    )
