"""How tables are cut for Dagster.

Belongs here: the two partitionings. Silver by the hour an event was enqueued (with the open hour), Gold and warm by
the date a reading was recorded (from 2000, with tomorrow: clocks run ahead).
Does not: Delta partitioning (the contracts), or which partitions are due (`sensors`).

Dagster counts partitions up to the real time. Where `LAKE_CLOCK_START` lets this process live later than that, the
partitions reach as far as its clock does.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta

import dagster as dg

from settings.clock import now
from settings.model import Settings

HOUR = "%Y-%m-%d-%H"
FIRST_DATE = datetime(2000, 1, 1, tzinfo=UTC)


def enqueued_hours(settings: Settings) -> dg.HourlyPartitionsDefinition:
    """Keys as `silver.readings.enqueued_hour`; the open hour exists."""
    start = datetime.combine(settings.silver_from, time(), UTC)
    return dg.HourlyPartitionsDefinition(start_date=start, fmt=HOUR, end_offset=1 + _ahead(timedelta(hours=1)))


def event_dates() -> dg.DailyPartitionsDefinition:
    """Keys as ISO dates; today and tomorrow exist."""
    return dg.DailyPartitionsDefinition(start_date=FIRST_DATE, end_offset=2 + _ahead(timedelta(days=1)))


def _ahead(step: timedelta) -> int:
    """Partitions between the real time and our clock's; 0 where the clock shows the real time or an earlier one."""
    lead = now() - datetime.now(UTC)
    return max(0, math.ceil(lead / step)) if lead > timedelta(seconds=1) else 0
