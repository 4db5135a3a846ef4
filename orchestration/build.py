"""Composition root: settings in, Dagster definitions out.

Belongs here: putting assets, checks, jobs, sensors and resources together. Production calls `build_defs` bare, tests
give it their settings.
Does not: anything that happens at import. `orchestration.definitions` is the entry point.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from assets.bronze.asset import landed_files
from assets.bronze.telemetry import bronze_telemetry
from assets.gold.asset import gold_quality, gold_readings
from assets.gold.domain.asset import engagement_kpis, gold_domain, site_intensity
from assets.gold.domain.due import dirty_domain_dates
from assets.gold.state import dirty_dates, dirty_quality_dates
from assets.maintenance.asset import maintenance_of
from assets.silver.asset import silver_tables
from assets.silver.entities.asset import entity_tables
from assets.silver.flags.asset import reading_flags
from assets.silver.flags.state import dirty_flag_dates
from assets.silver.quarantine_asset import quarantine_dismiss, quarantine_replay
from assets.warm.asset import warm_published, warm_staging
from assets.warm.dbt import warm_dbt_assets, warm_dbt_project
from assets.warm.staging import dirty_warm_dates
from lake.store import Lake
from orchestration.jobs import DOMAIN, ENTITIES, FLAGS, GOLD, QUALITY, SILVER, WARM, by_hand, lanes, maintenance
from orchestration.partitions import enqueued_hours, event_dates
from orchestration.schedules import nightly_maintenance
from quality.contracts.tables import TABLES
from sensors.bronze_log import bronze_log_sensor
from sensors.dirty_dates import dirty_dates_sensor
from sensors.landing import landing_sensor
from sensors.quarantine_spikes import quarantine_spike_sensor, rejected_share_check
from settings.model import Settings

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto


def build_defs(settings: Settings) -> dg.Definitions:
    """Everything Dagster runs, for these settings."""
    hours, dates = enqueued_hours(settings), event_dates()
    with _known_beta():
        marts = warm_dbt_assets(warm_dbt_project(), dates)
        assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
            bronze_telemetry(),
            silver_tables(hours),
            landed_files(),
            entity_tables(),
            quarantine_replay(),
            quarantine_dismiss(),
            reading_flags(dates),
            gold_readings(dates),
            gold_quality(dates),
            gold_domain(dates),
            site_intensity(),
            engagement_kpis(),
            warm_staging(dates),
            marts,
            warm_published(marts.keys, dates),
            *map(maintenance_of, TABLES),
        ]
    return dg.Definitions(
        assets=assets,
        asset_checks=[rejected_share_check()],
        jobs=[*lanes(), *by_hand(), maintenance()],
        schedules=[nightly_maintenance()],
        sensors=[
            bronze_log_sensor(SILVER, hours),
            quarantine_spike_sensor(),
            landing_sensor(ENTITIES),
            dirty_dates_sensor(
                "gold_dirty_dates",
                GOLD,
                dates,
                lambda lake, _: dirty_dates(lake),
                "Starts Gold for dates Silver changed.",
            ),
            dirty_dates_sensor(
                "quality_dirty_dates",
                QUALITY,
                dates,
                lambda lake, _: dirty_quality_dates(lake),
                "Starts the daily quality table for days Silver changed.",
            ),
            dirty_dates_sensor(
                "flags_dirty_dates",
                FLAGS,
                dates,
                lambda lake, _: dirty_flag_dates(lake),
                "Starts the suspect rules for dates whose readings, or those of the day before, changed.",
            ),
            dirty_dates_sensor(
                "domain_dirty_dates",
                DOMAIN,
                dates,
                lambda lake, _: dirty_domain_dates(lake),
                "Starts sites, devices, plant, twins and features for dates that Gold, flags or the register changed.",
            ),
            dirty_dates_sensor(
                "warm_dirty_dates",
                WARM,
                dates,
                dirty_warm_dates,
                "Starts the warm tier for all dates Gold changed.",
                at_once=True,
            ),
        ],
        # A run is a process already; another one per step costs seconds and isolates nothing.
        executor=dg.in_process_executor,
        resources={
            "settings": settings,
            "lake": Lake.of(settings),
            "kusto": _kusto(settings),
        },
    )


@contextmanager
def _known_beta() -> Iterator[None]:
    """Dagster calls backfill policies beta, for years now; one run per range is worth it. Other warnings stay."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)
        yield


def _kusto(settings: Settings) -> dg.ResourceDefinition:
    """Made when a run uses it: Silver needs no Kusto, and the UI must load without one, and fast."""

    def connection(_: dg.InitResourceContext) -> Iterator[Kusto]:
        from orchestration.resources.kusto import Kusto  # noqa: PLC0415 - Azure's SDK takes 2 s to import

        kusto = Kusto.of(settings)
        yield kusto
        kusto.close()

    return dg.ResourceDefinition(connection)
