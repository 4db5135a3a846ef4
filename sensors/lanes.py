"""When a lane may start a run: one at a time, with back-off after failures.

Belongs here: the rule, derived from Dagster's own run history, so that no state can be lost.
Does not: what is due (`bronze_log`, `dirty_dates`).

A run key is `<last complete batch>:<Bronze head>:<attempt>:<run before>`: Dagster never launches a used key again, not
even after a failure or after someone deleted what the run had made, so the attempt and the run before are part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import time as real_time

import dagster as dg

DUE = "lakehouse/due"
"""Run tag: a name for what was due when the run was requested."""

BUSY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
BACK_OFF_MINUTES = (1, 2, 4, 8, 15)
ALERT_AT = 3
RUNBOOK = "docs/runbooks/lane-keeps-failing.md"


@dataclass(frozen=True)
class Turn:
    """Whether a lane may go now; `attempt` counts what failed since its last success, `after` names its newest run."""

    may_go: bool
    attempt: int
    after: str = ""
    why_not: str = ""


def turn(instance: dg.DagsterInstance, job_name: str, due: str) -> Turn:
    """Judge a lane by its newest runs.

    `due` names what is due now. A run that succeeded and left exactly that due counts as a failed one: asking for it
    again at once would go on for ever.
    """
    newest = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=50)
    if any(record.dagster_run.status in BUSY for record in newest):
        return Turn(may_go=False, attempt=0, why_not=f"a run of {job_name} is queued or running")
    failures = 0
    for record in newest:
        if record.dagster_run.status not in FAILED and record.dagster_run.tags.get(DUE) != due:
            break
        failures += 1
    after = newest[0].dagster_run.run_id[:8] if newest else ""
    if failures == 0:
        return Turn(may_go=True, attempt=0, after=after)
    wait = timedelta(minutes=BACK_OFF_MINUTES[min(failures, len(BACK_OFF_MINUTES)) - 1])
    next_try = _ended(newest[0]) + wait
    # Run history is kept in real time, whatever time our clock shows.
    if datetime.fromtimestamp(real_time(), UTC) < next_try:
        return Turn(
            may_go=False,
            attempt=failures,
            after=after,
            why_not=f"{job_name} failed {failures} time(s) in a row; next try at {next_try:%H:%M:%S} UTC",
        )
    return Turn(may_go=True, attempt=failures, after=after)


def _ended(record: dg.RunRecord) -> datetime:
    """When a finished run ended; one that never started ended when its record last changed."""
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    return record.update_timestamp.astimezone(UTC)


def warn_if_stuck(context: dg.SensorEvaluationContext, job_name: str, judged: Turn) -> None:
    """Say loudly, from the third failure on, that a person is needed."""
    if judged.attempt >= ALERT_AT:
        context.log.error(
            "%s has failed %s times in a row and is tried again every %s minutes at most. Look at its newest run; "
            "runbook: %s",
            job_name,
            judged.attempt,
            BACK_OFF_MINUTES[-1],
            RUNBOOK,
        )
