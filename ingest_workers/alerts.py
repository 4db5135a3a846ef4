"""When a person has to look: conditions over the instruments, each with its runbook.

Belongs here: the list, and Prometheus's rules file as text.
Does not: what is measured (`instruments`), or who is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_workers.instruments import COMMIT_DURATION, LAG_AGE, LOST, READY, RESTARTS, Instrument
from ingest_workers.prometheus_names import prometheus_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One condition; `{}` in the expression is the instrument's name in Prometheus."""

    name: str
    instrument: Instrument
    expression: str
    minutes: int
    says: str
    runbook: str
    """File below `docs/runbooks/`."""

    @property
    def promql(self) -> str:
        """The expression with its names."""
        return self.expression.format(prometheus_name(self.instrument))


ALERTS = (
    Alert(
        name="BronzeEventsLost",
        instrument=LOST,
        expression="increase({}[1h]) > 0",
        minutes=0,
        says="The hub no longer held events when they were to be read.",
        runbook="events-lost.md",
    ),
    Alert(
        name="BronzeLagGrows",
        instrument=LAG_AGE,
        expression="max by (partition) ({}) > 60",
        minutes=5,
        says="The oldest event that is not in Bronze is older than a minute.",
        runbook="lag-grows.md",
    ),
    Alert(
        name="WorkerNotReady",
        instrument=READY,
        expression="{} == 0",
        minutes=5,
        says="Hub or lake has not answered a worker for five minutes.",
        runbook="lake-takes-no-commits.md",
    ),
    Alert(
        name="CommitsGrowSlow",
        instrument=COMMIT_DURATION,
        expression="histogram_quantile(0.95, sum by (le) (rate({}_bucket[30m]))) > 2.5",
        minutes=30,
        says="One commit in twenty takes longer than 2.5 s.",
        runbook="commits-grow-slow.md",
    ),
    Alert(
        name="WorkersRestart",
        instrument=RESTARTS,
        expression="max_over_time({0}[1h]) - min_over_time({0}[1h]) > 3",
        minutes=0,
        says="A worker was started again more than three times within an hour.",
        runbook="workers-restart.md",
    ),
)


def rules() -> str:
    """The alerts as a rules file for Prometheus."""
    lines = [
        "# Rendered from ingest_workers/alerts.py by `lakehouse contracts render`; edit that, not this file.",
        "groups:",
        "  - name: lakehouse-ingest",
        "    rules:",
    ]
    for alert in ALERTS:
        lines += [
            f"      - alert: {alert.name}",
            f"        expr: {alert.promql}",
            f"        for: {alert.minutes}m",
            "        annotations:",
            f"          summary: {alert.says}",
            f"          runbook: docs/runbooks/{alert.runbook}",
        ]
    return "\n".join(lines) + "\n"
