"""The warm tier's models as Dagster sees them: dbt_warm, one run of dbt per range of dates.

Belongs here: names, groups, owners and wiring of the dbt assets and of the staged tables they read, and what a run
reports. Does not: what a build is (`build`), the models (`dbt_warm`), loading and publishing (`staging`, `publish`).
"""

# No `from __future__ import annotations`: Dagster compares the annotation of `context` with its class, not its name.

import importlib.metadata
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from packaging.version import Version

from assets.described import column_schema, key_of
from assets.runs import is_incremental
from assets.warm.build import Build, begin_build, finish_build
from assets.warm.dbt_child import PARENT_VARIABLE
from assets.warm.engine import engine_of
from assets.warm.project import PROJECT, artifacts, environment, prepare_manifest
from assets.warm.state import mart_rows
from quality.contracts.warm import STAGED, STAGING_DATE_STATE
from settings.model import Settings


@contextmanager
def _dbt_core_unseen() -> Iterator[None]:
    """Import dagster_dbt as where dbt-core is not installed, which it supports.

    Beside dbt-core it imports half of dbt into every process that loads the code location: 3 s that nothing here uses,
    because dbt runs as a process of its own.
    """
    if "dbt.version" in sys.modules:
        yield
        return
    sys.modules["dbt.version"] = None  # type: ignore[assignment]  # makes `import dbt.version` fail, as documented
    try:
        yield
    finally:
        del sys.modules["dbt.version"]


with _dbt_core_unseen():
    from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
    from dagster_dbt.errors import DagsterDbtError

GROUP = "warm"
OWNER = "team:data-platform"
POOL = "sql_warm"
"""One writer: DuckDB allows no second, and on SQL Server the date swaps would wait for each other."""

Events = dg.Output[Any] | dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckResult | dg.AssetCheckEvaluation


class DbtProcess(DbtCliResource):
    """dbt as a process and nothing else.

    dagster_dbt would start dbt once more to ask its version, and import it to hold a second connection to the
    database: 10 s a run here. Both methods are the library's own; a test fails when it renames them.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(importlib.metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


class WarmTranslator(DagsterDbtTranslator):
    """Every node of the project is `warm/<name>`; a source is `warm/staging_<table>`."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Sources carry their schema in the name, so that a staged table is not taken for the Gold one."""
        name = str(dbt_resource_props["name"])
        return staging_key(name) if dbt_resource_props["resource_type"] == "source" else dg.AssetKey([GROUP, name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """One group for the tier."""
        return GROUP

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """One team for the tier."""
        return [OWNER]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's words without its SQL, which the UI shows by itself."""
        return str(dbt_resource_props.get("description", "")).strip()

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Freshness is the contract's: the tier is as fresh as its state table promises."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(freshness_policy=_freshness())


def staging_key(table: str) -> dg.AssetKey:
    """The asset key of a staged table."""
    return dg.AssetKey([GROUP, f"staging_{table}"])


def staging_specs() -> tuple[dg.AssetSpec, ...]:
    """The staged tables, as the upstream of dbt's assets; one load writes them all."""
    upstream = {staged.table: [key_of(staged.table)] for staged in STAGED}
    upstream[STAGING_DATE_STATE] = [key for keys in upstream.values() for key in keys]
    return tuple(
        dg.AssetSpec(
            staging_key(table.name),
            deps=deps,
            description=table.says,
            owners=[table.owner],
            kinds={"duckdb", GROUP},
            group_name=GROUP,
            metadata={"dagster/column_schema": column_schema(table), "key": ", ".join(table.key)},
            freshness_policy=_freshness(),
        )
        for table, deps in upstream.items()
    )


def warm_dbt_project() -> DbtProject:
    """The project, its manifest prepared: parsed now when it is missing or older than the project."""
    prepare_manifest()
    return DbtProject(PROJECT, profiles_dir=PROJECT)


def warm_dbt_assets(
    project: DbtProject, partitions_def: dg.PartitionsDefinition[str] | None = None
) -> dg.AssetsDefinition:
    """The assets `warm/<model>`: one dbt build for all dates of a run."""

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        name="warm_dbt",
        dagster_dbt_translator=WarmTranslator(),
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions_def else None,
        pool=POOL,
    )
    def warm_dbt(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> Iterator[Events]:
        """Staging to marts."""
        build = begin_build(settings, _dates(context))
        context.log.info("building %d staged dates%s", len(build.staged), " from scratch" * build.full_refresh)
        yield from _run(context, settings, project, build)
        if context.is_subset:
            context.log.warning("only some models were built: the dates stay unbuilt until a run builds them all")
        else:
            finish_build(settings, build)

    return warm_dbt


def _run(context: dg.AssetExecutionContext, settings: Settings, project: DbtProject, build: Build) -> Iterator[Events]:
    """Dbt's events; tables are held back until dbt has let go of the database and their rows can be counted."""
    # The only way dagster_dbt has to hand it on.
    os.environ.update({**environment(settings), PARENT_VARIABLE: str(os.getpid())})
    executable = Path(sys.executable).with_name("lakehouse-dbt")
    dbt = DbtProcess(project_dir=str(project.project_dir), dbt_executable=str(executable))
    held: list[dg.Output[Any]] = []
    failure: DagsterDbtError | None = None
    try:
        for event in dbt.cli(build.arguments, context=context, target_path=artifacts(settings)).stream():
            if isinstance(event, dg.Output):
                held.append(event)
            else:
                yield event
    except DagsterDbtError as error:
        failure = error
    rows = engine_of(settings).write(mart_rows) if held else {}
    for output in held:
        name = context.asset_key_for_output(output.output_name).path[-1]
        counted = {"dagster/row_count": rows[name]} if name in rows else {}
        yield output.with_metadata({**output.metadata, **counted})
    if failure:
        raise failure


def _dates(context: dg.AssetExecutionContext) -> list[date]:
    """Dates to build again whatever they hold: those a person asked for. A sensor's run builds what was staged."""
    if not context.has_partition_key_range or is_incremental(context):
        return []
    first, last = (date.fromisoformat(key) for key in context.partition_key_range)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _freshness() -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=STAGING_DATE_STATE.fresh_within or 0))
