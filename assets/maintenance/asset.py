"""Maintenance as Dagster sees it: an asset per table that reports how its files are kept.

Belongs here: names, wiring and metadata.
Does not: the work (`maintain`), or when it runs (`orchestration.schedules`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

import dagster as dg

from assets.maintenance.maintain import maintain
from lake.store import Lake
from quality.contracts.model import Table

GROUP = "maintenance"


def maintenance_of(table: Table) -> dg.AssetsDefinition:
    """The asset `maintenance/<layer>_<name>`."""
    policy = table.maintenance
    order = f", sorted by {', '.join(policy.order_by)}" if policy.order_by else ""

    @dg.asset(
        name=f"{table.layer}_{table.name}",
        key_prefix=[GROUP],
        group_name=GROUP,
        description=(
            f"Files of `{table.layer}.{table.name}`: "
            f"closed partitions as few files of about {policy.file_mb} MB{order}; "
            f"what no version needs is deleted after {policy.vacuum_days} days."
        ),
        owners=[table.owner],
        kinds={"deltalake"},
        pool=GROUP,
    )
    def maintained(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> dg.MaterializeResult[None]:
        report = maintain(lake, table, context.log.info)
        if report is None:
            return dg.MaterializeResult(metadata={"exists": False})
        for name in report.refused:
            context.log.warning("%s of %s was written to meanwhile: left for the next run", name, table.path)
        told = {name: ", ".join(map(str, v)) if isinstance(v, tuple) else v for name, v in report.as_dict().items()}
        return dg.MaterializeResult(metadata={"dagster/uri": lake.uri(table), **told})

    return maintained
