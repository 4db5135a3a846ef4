"""How tables are cut for Dagster.

Belongs here: the two partitionings. Silver by the hour an event was enqueued (with the open hour), Gold and warm by
the date a reading was recorded (from 2000, with tomorrow: clocks run ahead).
Does not: Delta partitioning (the contracts), or which partitions are due (`sensors`).

Dagster counts partitions up to the real time. Where `LAKE_CLOCK_START` has this process live later than that, they
reach as far as its own clock: a range that a sensor asks for must exist for Dagster.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import dagster as dg

from settings.clock import now
from settings.model import Settings

HOUR = "%Y-%m-%d-%H"
DATE = "%Y-%m-%d"
FIRST_DATE = datetime(2000, 1, 1, tzinfo=UTC)


def enqueued_hours(settings: Settings) -> dg.HourlyPartitionsDefinition:
    """Keys as `silver.readings.enqueued_hour`; the open hour exists."""
    start = datetime.combine(settings.silver_from, time(), UTC)
    to_now = dg.HourlyPartitionsDefinition(start_date=start, fmt=HOUR, end_offset=1)
    ahead = _ahead(to_now, HOUR, timedelta(hours=1))
    return dg.HourlyPartitionsDefinition(start_date=start, fmt=HOUR, end_offset=1 + ahead)


def event_dates() -> dg.DailyPartitionsDefinition:
    """Keys as ISO dates; today and tomorrow exist."""
    to_now = dg.DailyPartitionsDefinition(start_date=FIRST_DATE, fmt=DATE, end_offset=1)
    ahead = _ahead(to_now, DATE, timedelta(days=1))
    return dg.DailyPartitionsDefinition(start_date=FIRST_DATE, fmt=DATE, end_offset=2 + ahead)


def _ahead(to_now: dg.TimeWindowPartitionsDefinition, fmt: str, step: timedelta) -> int:
    """Partitions from the one that is open by the real time to the one that is open by our clock; never negative."""
    newest = to_now.get_last_partition_key()
    if newest is None:
        return 0
    return max(0, (now() - datetime.strptime(newest, fmt).replace(tzinfo=UTC)) // step)
