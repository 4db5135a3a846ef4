"""`lakehouse mapping …`: the specs that turn payloads into readings."""

from __future__ import annotations

import typer

from orchestration.cli import drift, mapping_diff, mapping_explain, mapping_new, mapping_test
from orchestration.cli.show import table

app = typer.Typer(no_args_is_help=True)
app.command("drift")(drift.drift)
app.command("new")(mapping_new.new)
app.command("test")(mapping_test.test)
app.command("explain")(mapping_explain.explain)
app.command("diff")(mapping_diff.diff)


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
