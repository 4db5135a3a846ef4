"""`lakehouse mapping …`: the specs that turn payloads into readings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from orchestration.cli.show import results, table, verdict

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """The specs in force."""
    from canonical.specs import load_specs
    from settings.load import load

    table(
        "Mapping specs",
        ("id", "version", "examples", "description"),
        [(s.id, s.version, len(s.examples), s.description) for s in load_specs(load().specs)],
    )


@app.command("test")
def test(
    path: Annotated[
        Path | None, typer.Argument(help="A spec, or a folder of specs; default: all that are in force.")
    ] = None,
) -> None:
    """Run the examples of specs and show every difference."""
    from canonical.examples import run_examples
    from canonical.specs import load_spec, load_specs
    from settings.load import load

    failed = 0
    alone = path is not None and not path.is_dir()
    for spec in [load_spec(path)] if path and alone else load_specs(path or load().specs):
        for result in run_examples(spec):
            judged = verdict(good=result.passed, says=("ok", "DIFFERS"))
            results.print(Text.assemble(judged, f" {spec.id}: {result.name}"))
            for line in result.differences:
                results.print(Text(f"    {line}"))
            failed += not result.passed
    if failed:
        raise typer.Exit(1)
