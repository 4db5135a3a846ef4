"""The lanes: which assets run together.

Belongs here: job names and selections. A lane is one job over one tier; `sensors.lanes` lets one run of a lane go at a
time.
Does not: when they run (`sensors`, `orchestration.schedules`).
"""

from __future__ import annotations

import dagster as dg

SILVER, GOLD, QUALITY, WARM = "silver_lane", "gold_lane", "quality_lane", "warm_lane"


def lanes(
    hours: dg.PartitionsDefinition[str], dates: dg.PartitionsDefinition[str]
) -> list[dg.UnresolvedAssetJobDefinition]:
    """One job a tier."""
    quality = dg.AssetSelection.keys(["gold", "data_quality_1d"])
    return [
        dg.define_asset_job(
            SILVER,
            selection=dg.AssetSelection.groups("silver"),
            partitions_def=hours,
            description="Bronze events to readings, quarantine and duplicates.",
        ),
        dg.define_asset_job(
            GOLD,
            selection=dg.AssetSelection.groups("gold") - quality,
            partitions_def=dates,
            description="Readings of dirty dates through Azure Data Explorer to the aggregates.",
        ),
        dg.define_asset_job(
            QUALITY,
            selection=quality,
            partitions_def=dates,
            description="What became of the rows that arrived on a day.",
        ),
        dg.define_asset_job(
            WARM,
            selection=dg.AssetSelection.groups("warm"),
            partitions_def=dates,
            description="Gold to the warm staging tables and the dbt marts, published when their tests pass.",
        ),
    ]
