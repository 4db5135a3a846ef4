"""Dates whose lower tier is newer than their upper one: starts Gold, quality and warm.

Belongs here: dirty dates as few contiguous runs, oldest first.
Does not: state. What is dirty follows from the tables (`date_state`), so a restarted or re-created sensor misses
nothing and repeats nothing.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from hashlib import sha256

import dagster as dg

from assets.runs import INCREMENTAL
from assets.silver.judged import why_not_promoted
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY, DATE_STATE
from sensors.lanes import DUE, turn, warn_if_stuck
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


def dirty_dates_sensor(
    name: str, job_name: str, dates: dg.PartitionsDefinition[str], dirty: Dirty, says: str, *, at_once: bool = False
) -> dg.SensorDefinition:
    """Every 30 s: one run per range of dirty dates, at most `PER_TICK`.

    `at_once`: the job takes on whatever is dirty, so one run is asked for, named after the longest range.
    """

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
        if why_not := why_not_promoted(context.instance, lake):
            return dg.SkipReason(why_not)
        due = _known(context, dates, dirty(lake, settings))
        if not due:
            return dg.SkipReason("no date is dirty")
        # With the version of Gold's log: dates that another lane made due again are another piece of work.
        what = sha256(repr((sorted(due.items()), lake.version(DATE_STATE))).encode()).hexdigest()[:12]
        judged = turn(context.instance, job_name, what)
        warn_if_stuck(context, job_name, judged)
        if not judged.may_go:
            return dg.SkipReason(judged.why_not)
        head = lake.version(BRONZE_TELEMETRY)
        wanted = ranges(due)
        if at_once:
            wanted = [max(wanted, key=lambda span: span[1] - span[0])]
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"{max(due.values())}:{head}:{judged.attempt}:{judged.after}:{first}:{last}",
                    tags={
                        INCREMENTAL: "true",
                        DUE: what,
                        "dagster/asset_partition_range_start": first.isoformat(),
                        "dagster/asset_partition_range_end": last.isoformat(),
                    },
                )
                for first, last in wanted[:PER_TICK]
            ]
        )

    return dirty_dates


def _known(
    context: dg.SensorEvaluationContext, dates: dg.PartitionsDefinition[str], due: Mapping[date, int]
) -> dict[date, int]:
    """Dates that Dagster has partitions for; of others it says why they wait."""
    first, last = _date(dates.get_first_partition_key()), _date(dates.get_last_partition_key())
    known = {day: batch for day, batch in due.items() if first <= day <= last}
    if len(known) < len(due):
        context.log.warning(
            "%s dirty dates (up to %s) lie outside the partitions, %s to %s, and wait: the hub's clock is ahead of "
            "this process's. Set LAKE_CLOCK_START as the hub's clock is set, or wait for the day.",
            len(due) - len(known),
            max(due),
            first,
            last,
        )
    return known


def _date(key: str | None) -> date:
    assert key is not None, "event dates begin in 2000"
    return date.fromisoformat(key)
