"""`lakehouse contracts render`: everything that is made from the registry."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.show import people

app = typer.Typer(no_args_is_help=True)


@app.callback()
def contracts() -> None:
    """Table contracts and what is rendered from them."""


@app.command("render")
def render(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 where a file is out of date.")
    ] = False,
) -> None:
    """Write the files that are rendered from the contracts, or say which are out of date."""
    from orchestration.rendered import files

    rendered = files()
    stale = [(path, text) for path, text in rendered if not path.exists() or path.read_text() != text]
    for path, text in stale:
        if check:
            people.print(f"[red]out of date:[/] {path}; write it with: lakehouse contracts render")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            people.print(f"written: {path}")
    if check and stale:
        raise typer.Exit(1)
    people.print(f"{len(rendered)} rendered files are up to date.")
