"""Quarantine's two tables of record as Dagster sees them: a replay and a decision are runs a person starts.

Belongs here: names, what a person can ask for in the launchpad, and what is reported. Materializing
`silver/quarantine_history` replays, materializing `silver/quarantine_decisions` dismisses.
Does not: the work (`replay`, `decisions`). They are in no lane: a sensor never starts them.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context, config and resources as objects.

import dagster as dg
from pydantic import Field

from assets.described import KINDS, column_schema, key_of, reported
from assets.silver import decisions, replay
from assets.silver.in_force import in_force
from assets.silver.judged import judge, unjudged_hours
from assets.silver.promote import Promoter
from assets.silver.quarantined import Selection, open_rows
from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import DUPLICATES, QUARANTINE, QUARANTINE_DECISIONS, QUARANTINE_HISTORY, READINGS
from settings.model import Settings

GROUP = "quarantine"


class Selected(dg.Config):
    """Which rejected rows; what is left empty does not narrow."""

    mapping: str = Field(default="", description="Only rows of this mapping.")
    reason: str = Field(default="", description="Only rows with this reason code.")
    device: str = Field(default="", description="Only rows of this device, `<source>:<native id>`.")
    since: str = Field(default="", description="Only events enqueued from then on, ISO 8601; without a zone it is UTC.")
    until: str = Field(default="", description="Only events enqueued before then.")
    hours: list[str] = Field(default_factory=list, description="Only these enqueued hours, as 2026-03-01-14.")

    def selection(self) -> Selection:
        """As a question to quarantine. Raises: ValueError."""
        return Selection.said(**self.model_dump(include=set(Selected.model_fields)))


class Replay(Selected):
    """Which hours are recomputed with the specs in force: those that hold open rows that match."""

    all_hours: bool = Field(
        default=False, description="Also hours without open rows: mends what the mapping wrongly accepted."
    )
    force: bool = Field(default=False, description="Also hours that these very specs have made.")


class Dismiss(Selected):
    """Which open rows are dismissed, and why."""

    why: str = Field(description="Kept with each row.")
    who: str = Field(description="Who decides; kept with each row.")


def quarantine_replay() -> dg.AssetsDefinition:
    """`silver/quarantine_history`: what replaying changed."""

    @dg.multi_asset(
        name=QUARANTINE_HISTORY.name,
        specs=[_spec(QUARANTINE_HISTORY, "Materialize to replay quarantine: choose rows in the launchpad.")],
        pool="delta_silver",
    )
    def replayed(
        context: dg.AssetExecutionContext,
        config: Replay,
        settings: dg.ResourceParam[Settings],
        lake: dg.ResourceParam[Lake],
    ) -> dg.MaterializeResult[None]:
        promoter = Promoter(lake, in_force(lake, settings.specs), settings.silver, spill=settings.spill)
        selection = config.selection()
        planned = replay.plan(promoter, selection, all_hours=config.all_hours, force=config.force)
        context.log.info(
            "%s open rows match; %s hours in %s groups are recomputed with digest %s, %s have it already",
            *(planned.rows, len(planned.hours), len(planned.groups), planned.digest, len(planned.same)),
        )
        result = replay.run(
            promoter, selection, planned, lambda done, total: context.log.info("%s of %s hours", done, total)
        )
        for table in (QUARANTINE, DUPLICATES, READINGS):
            for hour in result.hours:
                context.log_event(dg.AssetMaterialization(key_of(table), partition=hour))
        verdict = judge(context.instance, lake, unjudged_hours(context.instance, lake))
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=key_of(READINGS),
                check_name=verdict.check_name or "",
                passed=verdict.passed,
                metadata=verdict.metadata,
                blocking=True,
            )
        )
        if not verdict.passed:
            raise dg.Failure("the ledger does not balance after the replay: lakehouse ledger", allow_retries=False)
        return dg.MaterializeResult(
            asset_key=key_of(QUARANTINE_HISTORY),
            metadata=reported(
                lake,
                QUARANTINE_HISTORY,
                rows=result.taken_back + result.newly_rejected,
                open_before=result.open_before,
                taken_back=result.taken_back,
                became=dict(result.became),
                still_open=result.open_after,
                newly_rejected=result.newly_rejected,
                hours=", ".join(result.hours[:50]),
                hours_left_alone=len(planned.same),
                batches=", ".join(str(batch.batch) for batch in result.batches),
                digest=planned.digest,
            ),
        )

    return replayed


def quarantine_dismiss() -> dg.AssetsDefinition:
    """`silver/quarantine_decisions`: what people decided."""

    @dg.multi_asset(
        name=QUARANTINE_DECISIONS.name,
        specs=[_spec(QUARANTINE_DECISIONS, "Materialize to dismiss rejected rows: choose them in the launchpad.")],
    )
    def dismissed(
        context: dg.AssetExecutionContext, config: Dismiss, lake: dg.ResourceParam[Lake]
    ) -> dg.MaterializeResult[None]:
        selection = config.selection()
        rows = decisions.dismiss(lake, selection, why=config.why, who=config.who)
        context.log.info("%s rows are dismissed by %s", rows, config.who)
        return dg.MaterializeResult(
            asset_key=key_of(QUARANTINE_DECISIONS),
            metadata=reported(
                lake,
                QUARANTINE_DECISIONS,
                rows=rows,
                dismissed=rows,
                still_open=sum(open_rows(lake, selection).values()),
                why=config.why,
                who=config.who,
            ),
        )

    return dismissed


def _spec(table: Table, how: str) -> dg.AssetSpec:
    """As the catalogue shows it; without a freshness policy, because nothing says that there must be anything to do."""
    return dg.AssetSpec(
        key_of(table),
        deps=[key_of(QUARANTINE)],
        description=f"{table.says} {how}",
        owners=[table.owner],
        kinds=KINDS[table.layer],
        group_name=GROUP,
        metadata={"dagster/column_schema": column_schema(table), "key": ", ".join(table.key)},
    )
