"""`lakehouse adx …`: Azure Data Explorer's database as code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, people, results, table

if TYPE_CHECKING:
    from assets.gold.adx.plan import Difference, Plan
    from orchestration.resources.kusto import Kusto
    from settings.model import Kusto as Site

app = typer.Typer(no_args_is_help=True)

DIFFERS = 2
"""Exit code where there is a difference; 1 is a failure."""
_STYLES = {"missing": "green", "differs": "yellow", "refused": "bold red", "unknown": "dim"}


@app.command("plan")
def plan_(json_: Annotated[bool, JSON] = False) -> None:
    """How the cluster's database differs from the code; exit code 2 where a deployment would do something."""
    from assets.gold.adx.plan import plan

    with _cluster() as (kusto, site):
        made = plan(kusto, site)
        if json_:
            emit([_plain(one) for one in made.differences])
        else:
            _show(made, kusto)
    if made.pending:
        raise typer.Exit(DIFFERS)


@app.command("deploy")
def deploy(json_: Annotated[bool, JSON] = False) -> None:
    """Bring the cluster's database to the code. Nothing is dropped; where that would be needed, nothing is done."""
    from assets.gold.adx.plan import apply, plan

    with _cluster() as (kusto, site):
        made = plan(kusto, site)
        if not json_:
            _show(made, kusto)
        apply(kusto, made)
        left = plan(kusto, site).pending if made.pending else ()
        if json_:
            emit({"done": [_plain(one) for one in made.pending], "left": [_plain(one) for one in left]})
    if left:
        raise RuntimeError(
            "deployed, but the cluster still differs: "
            + "; ".join(f"{one.kind} {one.name} {one.says}" for one in left)
            + ". Is somebody else changing it, or does it show a policy in a form unknown here?"
        )
    if made.pending:
        people.print(f"{len(made.commands())} commands done; the database is as the code says.")


@app.command("check")
def check_(
    folder: Annotated[Path | None, typer.Option("--kql", help="Folder of .kql files instead of the product's.")] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Read every KQL text without a cluster, by language service and rules; exit code 1 where one is wrong."""
    from assets.gold.adx.check import check, texts_read

    began = time.monotonic()
    found = check(folder)
    if json_:
        emit([{"where": one.where, "says": one.says} for one in found])
    else:
        for one in found:
            results.print(Text.assemble((one.where, "bold"), f": {one.says}"))
    if found:
        people.print(f"{len(found)} things are wrong.")
        raise typer.Exit(1)
    people.print(f"{texts_read(folder)} KQL texts read in {time.monotonic() - began:.1f} s; nothing is wrong.")


@contextmanager
def _cluster() -> Iterator[tuple[Kusto, Site]]:
    from orchestration.cli.show import quiet
    from orchestration.resources.kusto import Kusto
    from settings.model import Settings

    quiet()
    settings = Settings()
    kusto = Kusto.of(settings)
    try:
        yield kusto, settings.kusto
    finally:
        kusto.close()


def _plain(one: Difference) -> dict[str, object]:
    told = {"kind": one.kind, "name": one.name, "state": one.state, "says": one.says}
    return {**told, "commands": list(one.commands)}


def _show(made: Plan, kusto: Kusto) -> None:
    if made.differences:
        rows = [(one.kind, one.name, Text(one.state, _STYLES[one.state]), one.says) for one in made.differences]
        table(f"{kusto.database} at {kusto.uri}", ("kind", "name", "state", "what"), rows)
    unknown = len(made.differences) - len(made.pending)
    if made.refused:
        people.print(f"{len(made.refused)} differences cannot be deployed without losing something.")
    elif made.pending:
        people.print(f"{len(made.pending)} differences, {unknown} unknown things left as they are.")
    else:
        left = f"; {unknown} unknown things are left as they are" if unknown else ""
        people.print(f"The database is as the code says{left}.")
