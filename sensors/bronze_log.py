"""Bronze's Delta log, watched: reports what arrived and starts Silver.

Belongs here: the tail of the log as asset events, and the decision that Silver is due.
Does not: reading rows. A tick looks at file statistics only and ends in well under a second.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of context and resources as objects.

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from assets.described import key_of
from assets.runs import INCREMENTAL
from assets.silver import batches
from assets.silver.intake import hour_of
from assets.silver.judged import why_not_promoted
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality.contracts.tables import BATCHES, BRONZE_TELEMETRY
from sensors.lanes import DUE, Turn, turn, warn_if_stuck
from settings.clock import now
from settings.model import Settings

COVERED = "lakehouse/bronze_version"
"""Run tag: the lake and Bronze version a run was started for, `<lake id>@<version>`."""


def bronze_log_sensor(job_name: str, hours: dg.PartitionsDefinition[str]) -> dg.SensorDefinition:
    """Every 15 s: report new Bronze commits, start Silver where it is behind."""

    @dg.sensor(
        name="bronze_delta_log",
        job_name=job_name,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports what workers committed to bronze/telemetry and starts Silver where it is behind.",
    )
    def bronze_delta_log(
        context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings], lake: dg.ResourceParam[Lake]
    ) -> dg.SensorResult | dg.SkipReason:
        if not lake.exists(BRONZE_TELEMETRY):
            return dg.SkipReason("bronze/telemetry does not exist yet; start a worker: lakehouse ingest bronze")
        head = lake.version(BRONZE_TELEMETRY)
        seen = int(context.cursor or 0)
        events = [] if head <= seen else [_arrived(lake, head)]
        requests: list[dg.RunRequest] = []
        why_not = _not_due(context.instance, lake, job_name, head)
        if why_not is None:
            judged = turn(context.instance, job_name, _name(lake, head))
            warn_if_stuck(context, job_name, judged)
            why_not = judged.why_not
            if judged.may_go:
                requests = [_request(lake, hours, head, judged)]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else why_not,
            cursor=str(head),
            asset_events=events,
        )

    return bronze_delta_log


def _not_due(instance: dg.DagsterInstance, lake: Lake, job_name: str, head: int) -> str | None:
    """Why no run is needed.

    Nothing ever arrived; or the newest successful run covered this head, and nothing was left half way or unjudged.
    """
    state = snapshot(lake)
    if state is None and not _rows(_files(lake)):
        return "bronze/telemetry holds no events yet"  # a worker makes the table when it starts
    succeeded = instance.get_runs(
        dg.RunsFilter(job_name=job_name, statuses=[dg.DagsterRunStatus.SUCCESS], tags={INCREMENTAL: "true"}), limit=1
    )
    lake_id, _, version = succeeded[0].tags.get(COVERED, "").partition("@") if succeeded else ("", "", "")
    if lake_id != lake.identity() or int(version) < head:
        return None
    if batches.held(lake.open(BATCHES)) > (state.batch if state else 0):
        return None
    if why_not_promoted(instance, lake):
        return None
    return f"Silver has taken in Bronze up to version {head}"


def _name(lake: Lake, head: int) -> str:
    return f"{lake.identity()}@{head}"


def _files(lake: Lake) -> pa.Table:
    actions = lake.open(BRONZE_TELEMETRY).get_add_actions(flatten=True)
    return pa.table(actions)


def _rows(files: pa.Table) -> int:
    return int(pc.sum(files["num_records"]).as_py() or 0)


def _arrived(lake: Lake, head: int) -> dg.AssetMaterialization:
    files = _files(lake)
    return dg.AssetMaterialization(
        key_of(BRONZE_TELEMETRY),
        metadata={
            "dagster/row_count": _rows(files),
            "dagster/uri": lake.uri(BRONZE_TELEMETRY),
            "delta_version": head,
            "files": files.num_rows,
        },
        tags={"dagster/data_version": str(head)},
    )


def _request(lake: Lake, hours: dg.PartitionsDefinition[str], head: int, judged: Turn) -> dg.RunRequest:
    """A run named after the hour of the newest event.

    It takes in everything new and reports each hour that it touched. A range from the oldest hour on would have every
    hour between reported, with events or without: minutes of work after a gap of months.
    """
    state = snapshot(lake)
    complete = state.batch if state else 0
    hour = _within(hours, _newest_hour(_files(lake)))
    return dg.RunRequest(
        run_key=f"{complete}:{head}:{judged.attempt}:{judged.after}",
        tags={
            INCREMENTAL: "true",
            COVERED: _name(lake, head),
            DUE: _name(lake, head),
            "dagster/asset_partition_range_start": hour,
            "dagster/asset_partition_range_end": hour,
        },
    )


def _newest_hour(files: pa.Table) -> str:
    """From file statistics; this hour where there are none."""
    known = "max.enqueued_at" in files.column_names and files.num_rows
    newest = pc.max(files["max.enqueued_at"]).as_py() if known else None
    return hour_of(newest or now())


def _within(hours: dg.PartitionsDefinition[str], wanted: str) -> str:
    """The partition key, or the nearest there is."""
    first, last = hours.get_first_partition_key() or wanted, hours.get_last_partition_key() or wanted
    return min(max(wanted, first), last)
