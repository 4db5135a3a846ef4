"""`lakehouse warm …`: the warm tier's administration."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.show import people, results

app = typer.Typer(no_args_is_help=True)


@app.command("grant")
def grant(
    show: Annotated[bool, typer.Option("--print", help="Print the script and change nothing.")] = False,
) -> None:
    """Put roles per audience and the filter by site in place on the SQL Server; run again, it changes nothing.

    Who is a member of a role, and which sites a principal may see, is said in SQL: see docs/warm.md.
    """
    from assets.warm import access
    from assets.warm.engine import engine_of
    from settings.load import load

    filtered = access.facts()
    if show:
        results.print(";\ngo\n".join(access.script(filtered)), markup=False, highlight=False, soft_wrap=True)
        return
    settings = load()
    if settings.warm.engine != "sqlserver":
        raise ValueError("DuckDB has no logins: roles need LAKE_WARM__ENGINE=sqlserver. --print shows the script.")
    engine = engine_of(settings)
    engine.write(lambda session: access.grant(session, filtered))
    people.print(f"{engine.location}: {len(access.AUDIENCES)} roles read, {len(filtered)} facts are filtered by site.")
