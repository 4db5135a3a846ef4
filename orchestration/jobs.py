"""The lanes: which assets run together.

Belongs here: job names and selections. A lane is one job over one tier; `sensors.lanes` lets one run of a lane go at a
time.
Does not: when they run (`sensors`), or how a tier is cut (`partitions`: a job is cut as its assets are).
"""

from __future__ import annotations

import dagster as dg

from assets.described import key_of
from quality.contracts.domain_tables import BY_DATE, SITE_INTENSITY, WHOLE
from quality.contracts.tables import (
    DATA_QUALITY_1D,
    QUARANTINE_DECISIONS,
    QUARANTINE_HISTORY,
    READING_FLAGS,
    SUSPECT_READINGS_1D,
)
from sensors.quarantine_spikes import CHECK as REJECTED_SHARE

SILVER, GOLD, QUALITY, FLAGS, WARM = "silver_lane", "gold_lane", "quality_lane", "flags_lane", "warm_lane"
DOMAIN = "domain_lane"
MAINTENANCE = "maintenance"
ENTITIES = "entities_lane"
QUARANTINE_REPLAY, QUARANTINE_DISMISS = "quarantine_replay", "quarantine_dismiss"


def lanes() -> list[dg.UnresolvedAssetJobDefinition]:
    """One job a tier; what needs no Azure Data Explorer and nothing waits for (daily quality, flags) has its own."""
    quality = dg.AssetSelection.assets(key_of(DATA_QUALITY_1D))
    flags = dg.AssetSelection.assets(*map(key_of, (READING_FLAGS, SUSPECT_READINGS_1D)))
    domain = dg.AssetSelection.assets(*map(key_of, (*BY_DATE, SITE_INTENSITY)))
    whole = dg.AssetSelection.assets(*map(key_of, WHOLE))
    return [
        dg.define_asset_job(
            SILVER,
            # The share is judged by its sensor: a verdict within the run would be told to nobody.
            selection=dg.AssetSelection.groups("silver") - flags - dg.AssetSelection.checks(REJECTED_SHARE),
            description="Bronze events to readings, quarantine and duplicates.",
        ),
        dg.define_asset_job(
            GOLD,
            selection=dg.AssetSelection.groups("gold") - quality - flags - domain - whole,
            description="Readings of dirty dates through Azure Data Explorer to the aggregates.",
        ),
        dg.define_asset_job(
            QUALITY,
            selection=quality,
            description="What became of the rows that arrived on a day.",
        ),
        dg.define_asset_job(
            FLAGS,
            selection=flags,
            description="Doubts about accepted readings of dirty dates, and how many there are.",
        ),
        dg.define_asset_job(
            DOMAIN,
            selection=domain,
            description="Sites, devices, plant, twins and features of dirty dates, from Gold, flags and the register.",
        ),
        dg.define_asset_job(
            ENTITIES,
            selection=dg.AssetSelection.groups("entities") | whole,
            description="Landed files to Bronze, and all of them to reference entities with their history; what Gold "
            "makes of these alone.",
        ),
        dg.define_asset_job(
            WARM,
            selection=dg.AssetSelection.groups("warm"),
            description="Gold to the warm staging tables and the dbt marts, published when their tests pass.",
        ),
    ]


def by_hand() -> list[dg.UnresolvedAssetJobDefinition]:
    """What a person starts, with a configuration that says which rows of quarantine are meant; no lanes."""
    return [
        dg.define_asset_job(
            QUARANTINE_REPLAY,
            selection=dg.AssetSelection.assets(key_of(QUARANTINE_HISTORY)),
            description="Recomputes the hours that hold matching rows of quarantine, with the specs in force.",
        ),
        dg.define_asset_job(
            QUARANTINE_DISMISS,
            selection=dg.AssetSelection.assets(key_of(QUARANTINE_DECISIONS)),
            description="Dismisses matching rows of quarantine; they stay there, with who and why.",
        ),
    ]


def maintenance() -> dg.UnresolvedAssetJobDefinition:
    """The job that keeps every table's files; it is no lane: nothing waits for it."""
    return dg.define_asset_job(
        MAINTENANCE,
        selection=dg.AssetSelection.groups(MAINTENANCE),
        description="Closed partitions as few large files; old files and log entries deleted.",
    )
