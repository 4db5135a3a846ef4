"""`lakehouse ingest raise-epoch`: a hub whose numbers began again begins a new life in Bronze."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.cli import show


def raise_epoch(
    force: Annotated[
        bool, typer.Option("--force", help="Raise it although nothing shows that the numbers began again.")
    ] = False,
    as_json: Annotated[bool, show.JSON] = False,
) -> None:
    """Begin a new life of a hub that was created anew or failed over; see docs/runbooks/hub-created-anew.md.

    Workers that still run in the old life commit nothing more and end; started again they read the new one from its
    beginning. Refused where hub and Bronze go on from each other.
    """
    from ingest_workers.new_life import begin_new_life
    from settings.load import load

    life = begin_new_life(load(), forced=force)
    if as_json:
        show.emit(asdict(life))
        return
    show.table(
        f"Life {life.before} has ended, life {life.now} begins",
        ("partition", "Bronze ends at", "the hub ends at"),
        [(name, "" if held is None else held, life.reaches[name]) for name, held in sorted(life.held.items())],
    )
    show.people.print("Start the workers again; they read the new life from its beginning.")
