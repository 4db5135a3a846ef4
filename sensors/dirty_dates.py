"""Dates whose lower tier is newer than their upper one: starts Gold, quality and warm.

Belongs here: dirty dates as few contiguous runs, oldest first.
Does not: state. What is dirty follows from the tables (`date_state`), so a restarted or re-created sensor misses
nothing and repeats nothing.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import dagster as dg

from assets.runs import INCREMENTAL
from lake.store import Lake
from quality.checks import LEDGER
from quality.contracts.tables import BRONZE_TELEMETRY, READINGS
from sensors.lanes import turn, warn_if_stuck
from settings.model import Settings

Dirty = Callable[[Lake, Settings], Mapping[date, int]]

GAP = timedelta(days=14)
"""Dates nearer than this go into one run: an empty date in a range costs less than a process."""
PER_TICK = 4


def ranges(dates: Mapping[date, int]) -> list[tuple[date, date]]:
    """Dirty dates as few ranges, oldest first; gaps up to `GAP` are bridged."""
    found: list[tuple[date, date]] = []
    for day in sorted(dates):
        if found and day - found[-1][1] <= GAP:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def dirty_dates_sensor(name: str, job_name: str, dirty: Dirty, says: str) -> dg.SensorDefinition:
    """Every 30 s: one run per range of dirty dates, at most `PER_TICK`."""

    @dg.sensor(
        name=name,
        job_name=job_name,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=says,
    )
    def dirty_dates(
        context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> dg.SensorResult | dg.SkipReason:
        if ledger_is_broken(context.instance):
            return dg.SkipReason("the ledger does not balance: nothing is promoted until it does (lakehouse ledger)")
        due = dirty(lake, settings)
        if not due:
            return dg.SkipReason("no date is dirty")
        judged = turn(context.instance, job_name)
        warn_if_stuck(context, job_name, judged)
        if not judged.may_go:
            return dg.SkipReason(judged.why_not)
        head = lake.version(BRONZE_TELEMETRY)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{max(due.values())}:{head}:{judged.attempt}:{judged.after}:{first}:{last}",
                    tags={
                        INCREMENTAL: "true",
                        "dagster/asset_partition_range_start": first.isoformat(),
                        "dagster/asset_partition_range_end": last.isoformat(),
                    },
                )
                for first, last in ranges(due)[:PER_TICK]
            ]
        )

    return dirty_dates


def ledger_is_broken(instance: dg.DagsterInstance) -> bool:
    """Whether the newest evaluation of the blocking ledger check failed."""
    key = dg.AssetCheckKey(dg.AssetKey([READINGS.layer, READINGS.name]), LEDGER)
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    evaluation = record.evaluation if record else None
    return evaluation is not None and not evaluation.passed
