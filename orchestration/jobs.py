"""The lanes: which assets run together.

Belongs here: job names and selections. A lane is one job over one tier; `sensors.lanes` lets one run of a lane go at a
time.
Does not: when they run (`sensors`), or how a tier is cut (`partitions`: a job is cut as its assets are).
"""

from __future__ import annotations

import dagster as dg

from assets.described import key_of
from quality.contracts.tables import DATA_QUALITY_1D

SILVER, GOLD, QUALITY, WARM = "silver_lane", "gold_lane", "quality_lane", "warm_lane"
MAINTENANCE = "maintenance"


def lanes() -> list[dg.UnresolvedAssetJobDefinition]:
    """One job a tier; the daily quality table has its own, because it needs no Azure Data Explorer."""
    quality = dg.AssetSelection.assets(key_of(DATA_QUALITY_1D))
    return [
        dg.define_asset_job(
            SILVER,
            selection=dg.AssetSelection.groups("silver"),
            description="Bronze events to readings, quarantine and duplicates.",
        ),
        dg.define_asset_job(
            GOLD,
            selection=dg.AssetSelection.groups("gold") - quality,
            description="Readings of dirty dates through Azure Data Explorer to the aggregates.",
        ),
        dg.define_asset_job(
            QUALITY,
            selection=quality,
            description="What became of the rows that arrived on a day.",
        ),
        dg.define_asset_job(
            WARM,
            selection=dg.AssetSelection.groups("warm"),
            description="Gold to the warm staging tables and the dbt marts, published when their tests pass.",
        ),
    ]


def maintenance() -> dg.UnresolvedAssetJobDefinition:
    """The job that keeps every table's files; it is no lane: nothing waits for it."""
    return dg.define_asset_job(
        MAINTENANCE,
        selection=dg.AssetSelection.groups(MAINTENANCE),
        description="Closed partitions as few large files; old files and log entries deleted.",
    )
