"""Contract to Dagster: what the catalogue shows of a table.

Belongs here: key, description, owner, kinds, group, freshness, column schema and location of an asset, all from its
contract, and the metadata every materialization reports.
Does not: what an asset does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import dagster as dg

from lake.store import Lake
from quality.contracts.model import Column, Table

KINDS = {"bronze": {"deltalake", "bronze"}, "silver": {"deltalake", "silver", "duckdb"}, "gold": {"deltalake", "gold"}}


def key_of(table: Table) -> dg.AssetKey:
    """The asset key of a table: layer, name."""
    return dg.AssetKey([table.layer, table.name])


def spec_of(
    table: Table,
    *,
    deps: Iterable[Table] = (),
    kinds: set[str] | None = None,
    partitions: dg.PartitionsDefinition[str] | None = None,
) -> dg.AssetSpec:
    """The asset a contract describes."""
    return dg.AssetSpec(
        key_of(table),
        deps=[key_of(upstream) for upstream in deps],
        description=table.says,
        owners=[table.owner],
        kinds=kinds or KINDS[table.layer],
        group_name=table.layer,
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/table_name": f"{table.layer}.{table.name}",
            "key": ", ".join(table.key),
        },
        partitions_def=partitions,
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(minutes=table.fresh_within or 24 * 60 * 7)
        ),
    )


def column_schema(table: Table) -> dg.TableSchema:
    """The columns as the catalogue shows them."""
    return dg.TableSchema(columns=[_column(column, unique=table.key == (column.name,)) for column in table.columns])


def _column(column: Column, *, unique: bool) -> dg.TableColumn:
    unit = f" [{column.unit}]" if column.unit else ""
    return dg.TableColumn(
        name=column.name,
        type=column.type,
        description=column.says + unit,
        constraints=dg.TableColumnConstraints(nullable=column.null, unique=unique),
    )


def reported(lake: Lake, table: Table, *, rows: int, **more: Any) -> dict[str, Any]:
    """Metadata of one materialization: rows written, where, and at which Delta version."""
    return {
        "dagster/partition_row_count": rows,
        "dagster/row_count": int(lake.open(table).count()),
        "dagster/uri": lake.uri(table),
        "dagster/table_name": f"{table.layer}.{table.name}",
        "delta_version": lake.version(table),
        **more,
    }
