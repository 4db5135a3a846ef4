"""A mapping that suddenly rejects much, told once: as a failed check on silver/quarantine and as an error in the log.

Belongs here: judging each new batch once, and telling what has begun since the last verdict.
Does not: the shares (`assets.silver.spikes`). Nor state that could be lost: what was told is read from Dagster's own
record of the check; without that record the newest batches are judged again, so at worst a person is told twice.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from collections.abc import Sequence

import dagster as dg

from assets.described import key_of
from assets.silver.snapshot import Snapshot, snapshot
from assets.silver.spikes import Share, shares, spiking
from canonical.specs import load_specs
from lake.store import Lake
from quality.contracts.tables import QUARANTINE
from settings.model import Settings

CHECK = dg.AssetCheckKey(key_of(QUARANTINE), "rejected_share")
RUNBOOK = "docs/runbooks/quarantine-grows.md"
LAKE, BATCH, SPIKING = "lake", "batch", "spiking"
"""Metadata of the check: of which lake and batch it speaks, and the mappings whose share is a spike."""
_RECENT = 20


def rejected_share_check() -> dg.AssetChecksDefinition:
    """The verdict as a check that a person can also run by hand; it stops nothing."""

    @dg.asset_check(
        asset=CHECK.asset_key,
        name=CHECK.name,
        blocking=False,
        description="No mapping rejects more of the newest batches' rows than its threshold allows.",
    )
    def rejected_share(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> dg.AssetCheckResult:
        state = snapshot(lake)
        if state is None:
            return dg.AssetCheckResult(passed=True, metadata={"next": "Silver holds no batch yet"})
        verdict = _judged(lake, settings, state, _told(context.instance, lake)[1])
        return dg.AssetCheckResult(passed=verdict.passed, severity=verdict.severity, metadata=verdict.metadata)

    return rejected_share


def quarantine_spike_sensor() -> dg.SensorDefinition:
    """Every 30 s: judge the newest batches, unless they have been judged."""

    @dg.sensor(
        name="quarantine_spikes",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Calls a person, once a spike, where a mapping rejects more than its threshold allows.",
    )
    def quarantine_spikes(
        context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> dg.SensorResult | dg.SkipReason:
        state = snapshot(lake)
        if state is None:
            return dg.SkipReason("Silver holds no batch yet")
        batch, before = _told(context.instance, lake)
        if batch == state.batch:
            return dg.SkipReason(f"batch {batch} has been judged")
        verdict = _judged(lake, settings, state, before)
        begun = [line for line in _spikes(verdict) if line["mapping"] not in before]
        for line in begun:
            context.log.error(
                "Mapping %s rejects %s of %s rows (%s) in the newest batches, most for %s; its threshold is %s. "
                "Look: lakehouse quarantine summary --mapping %s; runbook: %s",
                *(line[name] for name in ("mapping", "rejected", "rows", "share", "commonest", "threshold", "mapping")),
                RUNBOOK,
            )
        told = f"{len(begun)} new of {len(_spikes(verdict))} spikes" if _spikes(verdict) else "no spike"
        return dg.SensorResult(asset_events=[verdict], skip_reason=f"judged batch {state.batch}: {told}")

    return quarantine_spikes


def _judged(lake: Lake, settings: Settings, state: Snapshot, before: set[str]) -> dg.AssetCheckEvaluation:
    thresholds = {spec.id: spec.alert_share for spec in load_specs(settings.specs) if spec.alert_share is not None}
    found = shares(lake, state, settings.silver, thresholds)
    now = spiking(found, before, settings.silver.quarantine_alert_rows)
    return dg.AssetCheckEvaluation(
        asset_key=CHECK.asset_key,
        check_name=CHECK.name,
        passed=not now,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            LAKE: lake.identity(),
            BATCH: state.batch,
            SPIKING: dg.MetadataValue.json(sorted(now)),
            "shares": dg.MetadataValue.json([_line(each) for each in found]),
            **({"runbook": RUNBOOK} if now else {}),
        },
    )


def _line(each: Share) -> dict[str, str | int]:
    return {
        "mapping": each.mapping,
        "rows": each.rows,
        "rejected": each.rejected,
        "share": f"{each.share:.1%}",
        "threshold": f"{each.threshold:.1%}",
        "commonest": each.commonest,
    }


def _spikes(verdict: dg.AssetCheckEvaluation) -> Sequence[dict[str, object]]:
    names, lines = (verdict.metadata[name].value for name in (SPIKING, "shares"))
    assert isinstance(names, list), "as this module wrote it"
    assert isinstance(lines, list), "as this module wrote it"
    return [line for line in lines if line["mapping"] in names]


def _told(instance: dg.DagsterInstance, lake: Lake) -> tuple[int, set[str]]:
    """The batch of the last verdict about this lake, and what was a spike then; 0 where there is none."""
    records = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=_RECENT)
    for record in records:
        said = record.evaluation
        if not isinstance(said, dg.AssetCheckEvaluation):
            continue  # a check whose run goes on, or was killed, is only planned
        if LAKE in said.metadata and said.metadata[LAKE].value == lake.identity():
            batch, names = said.metadata[BATCH].value, said.metadata[SPIKING].value
            assert isinstance(batch, int), "as this module wrote it"
            assert isinstance(names, list), "as this module wrote it"
            return batch, set(names)
    return 0, set()
