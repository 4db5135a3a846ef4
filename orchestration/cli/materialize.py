"""`lakehouse materialize` and `lakehouse dev`: Silver, Gold and warm through Dagster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.show import JSON, emit, people, table

if TYPE_CHECKING:
    from dagster import AssetCheckEvaluation

    from orchestration.dev import Row


def materialize(json_: Annotated[bool, JSON] = False) -> None:
    """Run everything that is due, in this process, until nothing is: what the daemon does at night."""
    from assets.bronze.landing import Landing
    from orchestration.build import build_defs
    from orchestration.drive import instance_at, look, run_due
    from settings.load import load

    settings = load()
    if (wait := Landing(settings).settling()) > 0:
        people.print(f"waiting {wait:.0f} s: files have just landed, and might still be written to")
        time.sleep(wait)
    with instance_at(settings.home / "dagster") as instance:
        definitions = build_defs(settings)
        done = run_due(definitions, instance, lambda job, what: people.print(f"{job}: {what}"))
        for failed in look(definitions, instance):
            where = failed.asset_key.to_user_string()
            people.print(f"{where}: check {failed.check_name} fails; {_runbook(failed)}", markup=False)
    if json_:
        emit([{"job": run.job, "run_id": run.run_id, "partitions": run.partitions} for run in done])
    elif done:
        table("Runs", ("lane", "run", "partitions"), [(run.job, run.run_id[:8], run.partitions) for run in done])
    else:
        people.print("Nothing is due: every tier holds what the one below it does.")


def _runbook(failed: AssetCheckEvaluation) -> str:
    told = failed.metadata.get("runbook")
    return f"runbook: {told.value}" if told is not None else "look at it in Dagster's UI"


def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Dagster's UI.")] = 3000,
    local: Annotated[
        bool, typer.Option("--local", help="Also run local endpoints, unless they run already, and a bronze worker.")
    ] = False,
) -> None:
    """Serve Dagster's UI with its daemon on loopback; sensors run everything that is due."""
    from orchestration.dev import serve
    from settings.load import load

    code = serve(
        load().home,
        port,
        local=local,
        say=lambda text: people.print(f"[dim]{text}[/]"),
        ready=lambda rows: _show(rows, local=local),
    )
    raise typer.Exit(code)


def _show(rows: list[Row], *, local: bool) -> None:
    people.print()
    table("Running on this machine, on loopback only", ("what", "where", "log"), rows)
    if local:
        people.print("Send telemetry from another terminal:  .venv/bin/lakehouse simulate --events 10000")
    people.print("Sensors start every tier by themselves; look at Assets, Runs and Automation in the UI.")
    people.print("End everything:                        Ctrl-C")
