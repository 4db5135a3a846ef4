"""Up to which batch the ledger has been found to balance.

Belongs here: which hours a run must judge, and whether anything may be promoted. A run that is killed after its last
commit leaves a batch that nobody judged, and a failed check must not be forgotten because the next run finds nothing
new: so a run judges every hour written since the last check that passed.
Does not: the ledger (`audit`), or the rule of the check (`quality.checks`).

What is remembered is Dagster's own record of the check; where that is lost, everything is judged again.
"""

from __future__ import annotations

import dagster as dg

from assets.silver.audit import audit
from assets.silver.batches import hours_touched
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality import checks
from quality.contracts.tables import READINGS

CHECK = dg.AssetCheckKey(dg.AssetKey([READINGS.layer, READINGS.name]), checks.LEDGER)
LAKE, UP_TO = "lake", "judged_up_to"
"""Metadata of the check: which lake, and the batch up to which it balances."""
_RECENT = 50


def unjudged_hours(instance: dg.DagsterInstance, lake: Lake) -> list[str]:
    """Enqueued hours written by complete batches since the last check that passed."""
    state = snapshot(lake)
    if state is None:
        return []
    judged = _up_to(_newest(instance), lake)
    return sorted(hour for hour, batch in hours_touched(lake, state.batch).items() if batch > judged)


def judge(instance: dg.DagsterInstance, lake: Lake, hours: list[str]) -> dg.AssetCheckResult:
    """The ledger over these hours, which are all that are unjudged."""
    state = snapshot(lake)
    result = checks.ledger_result(READINGS, audit(lake, hours) if hours else None)
    before = _up_to(_newest(instance), lake)
    balanced_to = state.batch if result.passed and state else before
    return dg.AssetCheckResult(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        metadata={**result.metadata, LAKE: lake.identity(), UP_TO: balanced_to},
    )


def why_not_promoted(instance: dg.DagsterInstance, lake: Lake) -> str:
    """Why nothing of Silver may go further up; empty where it may."""
    state = snapshot(lake)
    if state is None:
        return ""
    newest = _newest(instance)
    if newest is not None and not newest.passed:
        return "the ledger does not balance: nothing is promoted until it does (lakehouse ledger)"
    if _up_to(newest, lake) < state.batch:
        return f"the ledger of Silver batch {state.batch} has not been judged yet; silver_lane's next run does it"
    return ""


def _newest(instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation | None:
    """The last verdict; a check whose run goes on, or was killed, is only planned."""
    records = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=_RECENT)
    return next((r.evaluation for r in records if isinstance(r.evaluation, dg.AssetCheckEvaluation)), None)


def _up_to(evaluation: dg.AssetCheckEvaluation | None, lake: Lake) -> int:
    """The batch up to which the lake balances; 0 where that was said of another lake, or never."""
    if evaluation is None or LAKE not in evaluation.metadata:
        return 0
    if evaluation.metadata[LAKE].value != lake.identity():
        return 0
    value = evaluation.metadata[UP_TO].value
    return value if isinstance(value, int) else 0
