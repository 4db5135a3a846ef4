"""`lakehouse demo`: the whole way, from an Event Hub to a warm table, in one command."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.show import JSON, emit, people, progress, table

if TYPE_CHECKING:
    from orchestration.demo import Outcome


def demo(
    events: Annotated[int, typer.Option(min=1, help="Messages the simulated fleet sends.")] = 200_000,
    source: Annotated[str, typer.Option(help="`simulator`, or a file or folder to replay.")] = "simulator",
    mapping: Annotated[str | None, typer.Option(help="Mapping spec that reads the rows of --source.")] = None,
    dir_: Annotated[Path | None, typer.Option("--dir", help="An empty folder; default: a new one.")] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Send telemetry, take it over, promote it to the warm tables, and account for every event."""
    from ingest_workers import logs
    from orchestration.demo import Stage, fresh_folder, run
    from settings.load import load

    logs.configure(level=logging.WARNING)
    path = None if source == "simulator" else Path(source)
    if path is not None and not path.exists():
        raise FileNotFoundError(f"--source {source} does not exist; name a file, a folder, or `simulator`")
    folder = fresh_folder(dir_, load().home)
    stage = Stage(bar=progress, say=lambda text: people.print(f"[dim]{text}[/]"))
    outcome = run(folder, stage, events=events, source=path, mapping=mapping)
    if json_:
        emit(outcome.as_json())
    else:
        _show(outcome)
    if not outcome.good:
        raise typer.Exit(1)


def _show(outcome: Outcome) -> None:
    from orchestration.cli.ledger import show

    assert outcome.ledger is not None, "the demo has run"
    seconds = outcome.seconds
    people.print()
    table(
        "From the hub to the warm tables",
        ("tier", "table", "rows", "seconds"),
        [
            ("hub", "events sent", outcome.events_sent, seconds["send"]),
            ("bronze", "telemetry", outcome.bronze_rows, seconds["ingest"]),
            ("silver", "readings", outcome.ledger.readings.get("accepted", 0), seconds["silver"]),
            ("silver", "quarantine", outcome.ledger.readings.get("quarantined", 0), 0.0),
            ("silver", "duplicates", outcome.ledger.readings.get("duplicate", 0), 0.0),
            *_rows("gold", outcome.gold, seconds["gold"]),
            *_rows("warm", outcome.warm, seconds["warm"]),
        ],
    )
    show(outcome.ledger)
    if outcome.disagreements:
        for sentence in outcome.disagreements:
            people.print(f"[bold red]differs:[/] {sentence}")
    elif outcome.expected is not None:
        people.print("[green]Every event came to what the simulator's manifest promised for it.[/]")
    balance = "[green]balanced[/]" if outcome.ledger.balanced else "[bold red]NOT BALANCED[/]"
    people.print(f"Ledger {balance}; {seconds['total']:.1f} s in all.")
    home = outcome.lake.parent
    people.print(f"\nLook around:  LAKE_HOME={home} lakehouse trace telemetry/0/0/42")
    people.print(f"              LAKE_HOME={home} lakehouse quarantine summary")
    people.print(f"              duckdb -readonly {home}/warm/warm.duckdb   (or any DuckDB client)")


def _rows(tier: str, counts: dict[str, int], seconds: float) -> list[tuple[str, str, int, float]]:
    """One line a table; the seconds of the whole tier stand on its first."""
    return [(tier, name, rows, 0.0 if index else seconds) for index, (name, rows) in enumerate(counts.items())]
