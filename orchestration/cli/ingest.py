"""`lakehouse ingest …`: workers that read Event Hubs; they need no Dagster."""

from __future__ import annotations

import os
import threading
from typing import Annotated

import typer

from orchestration.cli import adopt, raise_epoch, show

app = typer.Typer(no_args_is_help=True)

app.command("adopt-transport")(adopt.adopt_transport)
app.command("raise-epoch")(raise_epoch.raise_epoch)

_LOOK_SECONDS = 0.5


@app.callback()
def workers() -> None:
    """Workers that read Event Hubs."""


@app.command("bronze")
def bronze(
    until_head: Annotated[
        bool, typer.Option("--until-head", help="Stop when everything that is in the hub now is committed.")
    ] = False,
    with_parent: Annotated[
        int | None, typer.Option(metavar="PID", help="Stop when the process that started this one, PID, ends.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Log warnings only.")] = False,
) -> None:
    """Write every event of the hub to bronze/telemetry, once, until told to stop (Ctrl-C or SIGTERM)."""
    from ingest_workers.bronze import run_bronze, stop_on_signals
    from settings.load import load

    settings = load()
    if quiet:
        show.quiet()
    stop = stop_on_signals()
    if with_parent is not None:
        _stop_with(with_parent, stop)
    with show.progress("committed to Bronze") as bar:
        summary = run_bronze(
            settings, until_head=until_head, stop=stop, on_progress=lambda p: bar(p.committed, p.committed + p.lag)
        )
    show.people.print(f"{summary.committed:,} events committed in {summary.commits:,} commits.")


def _stop_with(parent: int, stop: threading.Event) -> None:
    """An orphan is handed to another process: then its hub is gone, or going."""

    def watch() -> None:
        while os.getppid() == parent:
            if stop.wait(_LOOK_SECONDS):
                return
        stop.set()

    threading.Thread(target=watch, name="with-parent", daemon=True).start()
