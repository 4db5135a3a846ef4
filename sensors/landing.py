"""The landing folder, watched: starts the lane of reference entities when files are new or specs have changed.

Belongs here: the decision that a run is due. It follows from the listing and from the tables; no state can be lost.
Does not: reading files (`assets.bronze.files`).
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

from hashlib import sha256

import dagster as dg

from assets.bronze.files import pending
from assets.bronze.landing import Landing
from assets.runs import INCREMENTAL
from assets.silver.entities.checks import judged
from assets.silver.entities.state import complete, last, why_due
from canonical.entities.specs import digest_of, load_entity_specs
from lake.store import Lake
from quality.contracts.entity_tables import BRONZE_FILES
from sensors.lanes import DUE, turn, warn_if_stuck
from settings.model import Settings


def landing_sensor(job_name: str) -> dg.SensorDefinition:
    """Every 30 s: take files over and build the entities where that is due."""

    @dg.sensor(
        name="landing_files",
        job_name=job_name,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the lane of reference entities for new files in the landing folder and for changed specs.",
    )
    def landing_files(
        context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> dg.SensorResult | dg.SkipReason:
        new = pending(lake, Landing(settings))
        if not new and not lake.exists(BRONZE_FILES):
            return dg.SkipReason(f"nothing has landed in {settings.landing_root}")
        specs = load_entity_specs(settings.entity_specs)
        newest = last(lake)
        why = f"{len(new)} new files" if new else why_due(lake, specs)
        if not why and newest is not None and not judged(context.instance, lake, newest["build"]):
            why = f"the ledger of build {newest['build']} has not been found to balance"
        if not why:
            return dg.SkipReason("every landed file is in the entities")
        # What is due now: these files, these specs, and how far the last build came.
        due = (new, digest_of(specs), newest and newest["build"], complete(lake))
        what = sha256(repr(due).encode()).hexdigest()[:12]
        go = turn(context.instance, job_name, what)
        warn_if_stuck(context, job_name, go)
        if not go.may_go:
            return dg.SkipReason(go.why_not)
        context.log.info("%s", why)
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(run_key=f"{what}:{go.attempt}:{go.after}", tags={INCREMENTAL: "true", DUE: what})
            ]
        )

    return landing_files
