"""How tables are cut for Dagster.

Belongs here: the two partitionings. Silver by the hour an event was enqueued (with the open hour), Gold and warm by
the date a reading was recorded (from 2000, with tomorrow: clocks run ahead).
Does not: Delta partitioning (the contracts), or which partitions are due (`sensors`).
"""

from __future__ import annotations

from datetime import UTC, datetime, time

import dagster as dg

from settings.model import Settings

HOUR = "%Y-%m-%d-%H"
FIRST_DATE = datetime(2000, 1, 1, tzinfo=UTC)


def enqueued_hours(settings: Settings) -> dg.HourlyPartitionsDefinition:
    """Keys as `silver.readings.enqueued_hour`; the open hour exists."""
    start = datetime.combine(settings.silver_from, time(), UTC)
    return dg.HourlyPartitionsDefinition(start_date=start, fmt=HOUR, end_offset=1)


def event_dates() -> dg.DailyPartitionsDefinition:
    """Keys as ISO dates; today and tomorrow exist."""
    return dg.DailyPartitionsDefinition(start_date=FIRST_DATE, end_offset=2)
