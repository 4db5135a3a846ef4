"""What runs by the clock.

Belongs here: schedules, and why they run when they do.
Does not: what is started because something arrived (`sensors`).
"""

from __future__ import annotations

import dagster as dg

from orchestration.jobs import MAINTENANCE


def nightly_maintenance() -> dg.ScheduleDefinition:
    """At 02:30 UTC: the day before has been closed for two hours, and yesterday's figures are due at 06:00."""
    return dg.ScheduleDefinition(
        name="nightly_maintenance",
        job_name=MAINTENANCE,
        cron_schedule="30 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Rewrites closed partitions as few large files and deletes what no version needs any more.",
    )
