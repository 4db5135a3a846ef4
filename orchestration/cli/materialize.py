"""`lakehouse materialize` and `lakehouse dev`: Silver, Gold and warm through Dagster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.show import JSON, emit, people, table


def materialize(json_: Annotated[bool, JSON] = False) -> None:
    """Run everything that is due, in this process, until nothing is: what the daemon does at night."""
    from orchestration.build import build_defs
    from orchestration.drive import instance_at, run_due
    from settings.load import load

    settings = load()
    with instance_at(settings.home / "dagster") as instance:
        done = run_due(build_defs(settings), instance, lambda job, what: people.print(f"{job}: {what}"))
    if json_:
        emit([{"job": run.job, "run_id": run.run_id, "partitions": run.partitions} for run in done])
    else:
        table("Runs", ("lane", "run", "partitions"), [(run.job, run.run_id[:8], run.partitions) for run in done])


def dev(
    port: Annotated[int, typer.Option(help="Port of Dagster's UI.")] = 3000,
) -> None:
    """Serve Dagster's UI with its daemon on loopback; sensors run everything that is due."""
    from orchestration.drive import instance_at
    from settings.load import load

    settings = load()
    home = (settings.home / "dagster").absolute()
    with instance_at(home):
        pass
    dagster = Path(sys.executable).parent / "dagster"
    people.print(f"Dagster: http://127.0.0.1:{port}  (end with Ctrl-C)")
    environment = {**os.environ, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    command = [str(dagster), "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    raise typer.Exit(subprocess.call(command, env=environment))
