"""`lakehouse ingest …`: workers that read Event Hubs; they need no Dagster."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.show import people, progress

app = typer.Typer(no_args_is_help=True)


@app.callback()
def workers() -> None:
    """Workers that read Event Hubs."""


@app.command("bronze")
def bronze(
    until_head: Annotated[
        bool, typer.Option("--until-head", help="Stop when everything that is in the hub now is committed.")
    ] = False,
) -> None:
    """Write every event of the hub to bronze/telemetry, once, until told to stop (Ctrl-C or SIGTERM)."""
    from ingest_workers.bronze import run_bronze, stop_on_signals
    from settings.load import load

    settings = load()
    stop = stop_on_signals()
    with progress("committed to Bronze") as bar:
        summary = run_bronze(
            settings, until_head=until_head, stop=stop, on_progress=lambda p: bar(p.committed, p.committed + p.lag)
        )
    people.print(f"{summary.committed:,} events committed in {summary.commits:,} commits.")
