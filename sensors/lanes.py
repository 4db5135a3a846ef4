"""When a lane may start a run: one at a time, with back-off after failures.

Belongs here: the rule, derived from Dagster's own run history, so that no state can be lost.
Does not: what is due (`bronze_log`, `dirty_dates`).

A run key is `<last complete batch>:<Bronze head>:<attempt>:<run before>`: Dagster never launches a used key again, not
even after a failure or after someone deleted what the run had made, so the attempt and the run before are part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from settings.clock import now

BUSY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
BACK_OFF_MINUTES = (1, 2, 4, 8, 15)
ALERT_AT = 3


@dataclass(frozen=True)
class Turn:
    """Whether a lane may go now; `attempt` counts the failures since its last success, `after` names its newest run."""

    may_go: bool
    attempt: int
    after: str = ""
    why_not: str = ""


def turn(instance: dg.DagsterInstance, job_name: str) -> Turn:
    """Judge a lane by its newest runs."""
    newest = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=50)
    if any(record.dagster_run.status in BUSY for record in newest):
        return Turn(may_go=False, attempt=0, why_not=f"a run of {job_name} is queued or running")
    failures = 0
    for record in newest:
        if record.dagster_run.status not in {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}:
            break
        failures += 1
    after = newest[0].dagster_run.run_id[:8] if newest else ""
    if failures == 0:
        return Turn(may_go=True, attempt=0, after=after)
    ended = newest[0].end_time or newest[0].update_timestamp.timestamp()
    wait = timedelta(minutes=BACK_OFF_MINUTES[min(failures, len(BACK_OFF_MINUTES)) - 1])
    due = datetime.fromtimestamp(ended, UTC) + wait
    if now() < due:
        return Turn(
            may_go=False,
            attempt=failures,
            why_not=f"{job_name} failed {failures} time(s) in a row; next try at {due:%H:%M:%S} UTC",
        )
    return Turn(may_go=True, attempt=failures, after=after)


def warn_if_stuck(context: dg.SensorEvaluationContext, job_name: str, judged: Turn) -> None:
    """Say loudly, from the third failure on, that a person is needed."""
    if judged.attempt >= ALERT_AT:
        context.log.error(
            "%s has failed %s times in a row and is tried again every %s minutes at most. Look at its newest run; "
            "runbook: docs/runbooks/lane-keeps-failing.md",
            job_name,
            judged.attempt,
            BACK_OFF_MINUTES[-1],
        )
