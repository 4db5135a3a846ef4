"""Subject tables as Dagster sees them: by date on a lane of their own, and two that are replaced whole.

Belongs here: names, wiring and what is reported.
Does not: the work (`load`, `intensity`, `engagements`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections.abc import Callable, Iterator

import dagster as dg

from assets.described import key_of, reported, spec_of
from assets.gold.domain.due import dirty_domain_dates
from assets.gold.domain.engagements import load_kpis
from assets.gold.domain.intensity import load_intensity
from assets.gold.domain.load import load_domain
from assets.runs import due_dates, is_incremental
from lake.store import Lake
from quality import checks
from quality.contracts.domain_tables import (
    BY_DATE,
    DEVICE_HEALTH_1D,
    ENGAGEMENT_KPIS,
    FAULT_INDICATORS_1D,
    FEATURES_1H,
    SERIES_QUALITY_1D,
    SITE_COMFORT_1D,
    SITE_INTENSITY,
    SITE_READINGS_1D_LOCAL,
    SITE_READINGS_1H,
    SITE_USE_1D,
    TWIN_STATES,
)
from quality.contracts.entities import DIGITAL_TWIN, ENGAGEMENT, IOT_DEVICE, SITE, SITE_RETURN
from quality.contracts.gold_tables import COUNTERS_1H, READINGS_1D, READINGS_1H, READINGS_5M, STATES_1H
from quality.contracts.model import Table
from quality.contracts.tables import READING_FLAGS, READINGS
from settings.model import Settings

_REGISTER = (IOT_DEVICE.table, SITE.table)
_MADE_OF: dict[str, tuple[Table, ...]] = {
    SITE_READINGS_1H.name: (READINGS_5M, READINGS_1D, *_REGISTER),
    SITE_READINGS_1D_LOCAL.name: (READINGS_5M, READINGS_1D, *_REGISTER),
    SERIES_QUALITY_1D.name: (READINGS_1D, READING_FLAGS),
    DEVICE_HEALTH_1D.name: (READINGS, READINGS_1D, READING_FLAGS, *_REGISTER),
    SITE_COMFORT_1D.name: (READINGS_5M, *_REGISTER),
    SITE_USE_1D.name: (COUNTERS_1H, READINGS_1H, *_REGISTER),
    FAULT_INDICATORS_1D.name: (READINGS_1H, STATES_1H, *_REGISTER),
    TWIN_STATES.name: (READINGS, READINGS_1H, DIGITAL_TWIN.table),
    FEATURES_1H.name: (READINGS_1H,),
}
_KINDS = {"deltalake", "duckdb", "gold"}
_RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def gold_domain(dates: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets `gold/site_readings_1h` to `gold/features_1h`."""

    @dg.multi_asset(
        name="domain_load",
        specs=[spec_of(table, deps=_MADE_OF[table.name], kinds=_KINDS) for table in BY_DATE],
        check_specs=[spec for table in BY_DATE for spec in (checks.schema_spec(table), checks.keys_spec(table))],
        partitions_def=dates,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="delta_domain",
        retry_policy=_RETRY,
    )
    def domain_load(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Sites, devices, plant, twins and features of whole dates."""
        days = due_dates(context, dirty_domain_dates(lake))
        done = load_domain(lake, days, again=not is_incremental(context), spill=settings.spill, said=context.log.info)
        for table in BY_DATE:
            written = list(done.written.get(table.name, ()))
            yield dg.MaterializeResult(
                asset_key=key_of(table),
                metadata=reported(
                    lake,
                    table,
                    rows=done.rows.get(table.name, 0),
                    domain_load=done.number,
                    dates_loaded=", ".join(map(str, written)) or "none",
                ),
                check_results=[
                    checks.schema_result(lake, table),
                    checks.keys_result(lake, table, table.partition_by[0], written),
                ],
            )

    return domain_load


def site_intensity() -> dg.AssetsDefinition:
    """The asset `gold/site_intensity`."""
    return _whole(SITE_INTENSITY, (SITE_USE_1D, SITE_RETURN.table), load_intensity)


def engagement_kpis() -> dg.AssetsDefinition:
    """The asset `gold/engagement_kpis`."""
    return _whole(ENGAGEMENT_KPIS, (ENGAGEMENT.table,), load_kpis)


def _whole(table: Table, deps: tuple[Table, ...], load: Callable[[Lake], tuple[int, bool]]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"{table.name}_whole",
        specs=[spec_of(table, deps=deps, kinds=_KINDS)],
        check_specs=[checks.schema_spec(table), checks.keys_spec(table)],
        retry_policy=_RETRY,
    )
    def whole(lake: dg.ResourceParam[Lake]) -> Iterator[dg.MaterializeResult[None]]:
        rows, changed = load(lake)
        yield dg.MaterializeResult(
            asset_key=key_of(table),
            metadata=reported(lake, table, rows=rows, is_changed=changed),
            check_results=[
                checks.schema_result(lake, table),
                checks.keys_result(lake, table, table.key[0], _values(lake, table)),
            ],
        )

    return whole


def _values(lake: Lake, table: Table) -> list[object]:
    """Every value of the first column of the key: the check looks at all rows."""
    (name, *_) = table.key
    return list(lake.rows(table, columns=[name])[name].unique().to_pylist())
