"""Which content Silver is made with: the last act counts, be it a deployment or a swap (ADR 15).

Belongs here: the log of acts, `silver.specs_in_force`, and reading from it what the next batch uses. A process whose
folder of specs says something else than the last deployment is a new deployment; a shadow that was swapped in stays in
force until then.
Does not: what a content means (`canonical`), or recomputing hours (`promote`, `swap`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import structlog
from deltalake import DeltaTable

from assets.silver import digests
from assets.silver.snapshot import snapshot
from canonical.canonicaliser import Canonicaliser
from canonical.content import digest_of
from canonical.specs import load_specs
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import SPECS_IN_FORCE
from settings.clock import now

log = structlog.get_logger()

APP_ID = "silver/specs"
DEPLOYED, SWAPPED, UNDONE = "deployed", "swapped", "undone"


@dataclass(frozen=True, kw_only=True)
class Act:
    """One row of `silver.specs_in_force`; see the contract for the meaning of each field."""

    act: int
    how: str
    digest: str
    previous: str | None
    hours: tuple[str, ...]
    after_batch: int
    why: str | None
    who: str
    acted_at: datetime


def acts(lake: Lake) -> list[Act]:
    """Every act, first to last; none in a lake that has made no Silver."""
    if not lake.exists(SPECS_IN_FORCE):
        return []
    return _acts(lake.open(SPECS_IN_FORCE))


def newest(lake: Lake) -> Act | None:
    """The act that counts."""
    return next(reversed(acts(lake)), None)


def in_force(lake: Lake, specs: Path | None, *, record: bool = True) -> Canonicaliser:
    """What the next batch is made with; records a deployment where the folder has changed since the last one.

    Without `record` nothing is written: for who only asks. Raises: SpecError where a spec of the folder is wrong.
    """
    deployed = Canonicaliser.of(load_specs(specs))
    known = acts(lake)
    if not known or deployed.digest != _deployed(known):
        if not record:
            return deployed
        newly = deploy(lake, deployed)
        return deployed if newly.digest == deployed.digest else digests.fetch(lake, newly.digest)
    return deployed if known[-1].digest == deployed.digest else digests.fetch(lake, known[-1].digest)


def deploy(lake: Lake, deployed: Canonicaliser) -> Act:
    """Record that a folder of specs has this content, unless the last deployment had; gives the act that counts."""

    def next_act(known: Sequence[Act]) -> Act | None:
        if known and _deployed(known) == deployed.digest:
            return None
        if known and known[-1].how != DEPLOYED:
            log.warning("silver.specs.deployed_over_swap", deployed=deployed.digest, swapped=known[-1].digest)
        return _act(lake, known, DEPLOYED, deployed.digest, who="deployment")

    return _record(lake, deployed, next_act)


def put_in_force(lake: Lake, content: str, how: str, *, hours: Sequence[str], who: str, why: str | None) -> Act:
    """Record a swap or its undoing, unless the last act is just that."""
    made = digest_of(content)

    def next_act(known: Sequence[Act]) -> Act | None:
        if known and (known[-1].how, known[-1].digest, known[-1].hours) == (how, made, tuple(hours)):
            return None
        return _act(lake, known, how, made, who=who, why=why, hours=hours)

    return _record(lake, Canonicaliser.from_content(content), next_act)


def _deployed(known: Sequence[Act]) -> str | None:
    return next((act.digest for act in reversed(known) if act.how == DEPLOYED), None)


def _acts(head: DeltaTable) -> list[Act]:
    rows = head.to_pyarrow_dataset().to_table(columns=[each.name for each in fields(Act)]).to_pylist()
    return [Act(**(row | {"hours": tuple(row["hours"])})) for row in sorted(rows, key=lambda row: row["act"])]


def _act(
    lake: Lake,
    known: Sequence[Act],
    how: str,
    digest: str,
    *,
    who: str,
    why: str | None = None,
    hours: Sequence[str] = (),
) -> Act:
    state = snapshot(lake)
    return Act(
        act=len(known) + 1,
        how=how,
        digest=digest,
        previous=known[-1].digest if known else None,
        hours=tuple(hours),
        after_batch=state.batch if state else 0,
        why=why,
        who=who,
        acted_at=now(),
    )


def _record(lake: Lake, content: Canonicaliser, next_act: Callable[[Sequence[Act]], Act | None]) -> Act:
    """Append what `next_act` makes of the acts so far; asked anew when another process was first."""
    digests.keep(lake, content)

    def attempt(head: DeltaTable) -> Act:
        known = _acts(head)
        act = next_act(known)
        if act is None:
            return known[-1]
        rows = pa.Table.from_pylist([asdict(act)], schema=arrow_schema(SPECS_IN_FORCE))
        write(head, rows, {APP_ID: act.act}, metadata={APP_ID: act.act})
        return act

    return on_fresh_table(lake, SPECS_IN_FORCE, attempt)
