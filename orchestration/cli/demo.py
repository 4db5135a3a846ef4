"""`lakehouse demo`: the whole way, from an Event Hub to a warm table, in one command."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, people, progress, quiet, results, table

if TYPE_CHECKING:
    from orchestration.demo import Outcome

SIMULATOR = "simulator"


def demo(
    events: Annotated[
        int | None, typer.Option(min=1, show_default="200000", help="Messages the simulated fleet sends.")
    ] = None,
    source: Annotated[str, typer.Option(help="`simulator`, or a file or folder to replay.")] = SIMULATOR,
    mapping: Annotated[str | None, typer.Option(help="Mapping spec that reads the rows of --source.")] = None,
    dir_: Annotated[Path | None, typer.Option("--dir", help="An empty folder; default: a new one.")] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Send telemetry, take it over, promote it to the warm tables, and account for every event.

    Exit code 1 where the ledger does not balance or the outcome is not what the simulator's manifest promised.
    """
    from orchestration.demo import EVENTS, Load, Stage, fresh_folder, run
    from settings.load import load

    settings = load()
    path = _source(source, mapping, events)
    if path is not None:
        from orchestration.demo_input import check

        check(settings, path, mapping)
    folder = fresh_folder(dir_, settings.home)
    quiet()
    stage = Stage(bar=progress, say=lambda text: people.print(Text(text, "dim")))
    try:
        outcome = run(folder, stage, Load(events or EVENTS, path, mapping))
    except KeyboardInterrupt:
        people.print(f"Stopped. Nothing is left running; what was made so far is in {folder}", markup=False)
        raise
    if json_:
        emit(outcome.as_json())
    else:
        _show(outcome)
    if not outcome.good:
        raise typer.Exit(1)


def _source(source: str, mapping: str | None, events: int | None) -> Path | None:
    if source == SIMULATOR:
        if mapping is not None:
            raise ValueError(f"--mapping {mapping} reads the rows of a --source; name one, or leave --mapping out")
        return None
    if events is not None:
        raise ValueError("--events is for the simulator; a --source is sent whole: leave --events out")
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"--source {source} does not exist; name a file, a folder, or `{SIMULATOR}`")
    return path


def _show(outcome: Outcome) -> None:
    from orchestration.cli.ledger import show

    assert outcome.ledger is not None, "the demo has run"
    seconds = outcome.seconds
    people.print()
    table(
        "From the hub to the warm tables",
        ("tier", "table", "rows", "seconds"),
        [
            *_tier("hub", {"events sent": outcome.events_sent}, seconds["send"]),
            *_tier("bronze", {"telemetry": outcome.bronze_rows}, seconds["ingest"]),
            *_tier("silver", _silver(outcome), seconds["silver"]),
            *_tier("gold", outcome.gold, seconds["gold"]),
            *_tier("warm", outcome.warm, seconds["warm"]),
            ("all", "", None, round(seconds["total"], 1)),
        ],
    )
    show(outcome.ledger)
    for sentence in outcome.disagreements:
        results.print(Text.assemble(("differs: ", "bold red"), sentence))
    if outcome.expected is not None and not outcome.disagreements:
        results.print("[green]Every event came to what the simulator's manifest promised for it.[/]")
    if outcome.ledger.balanced:
        results.print("[green]The ledger balances: every event is accounted for.[/]")
    else:
        results.print("[bold red]THE LEDGER DOES NOT BALANCE[/]")
    for line in _look_around(outcome):
        people.print(line, soft_wrap=True, markup=False)


def _silver(outcome: Outcome) -> dict[str, int]:
    assert outcome.ledger is not None, "the demo has run"
    readings = outcome.ledger.readings
    names = {"readings": "accepted", "quarantine": "quarantined", "duplicates": "duplicate"}
    return {name: readings.get(outcome_, 0) for name, outcome_ in names.items()}


def _tier(tier: str, counts: dict[str, int], seconds: float) -> Iterator[tuple[Any, ...]]:
    """One line a table; the seconds of the whole tier stand on its first."""
    for index, (name, rows) in enumerate(counts.items()):
        yield ("" if index else tier, name, rows, None if index else round(seconds, 1))


def _look_around(outcome: Outcome) -> Iterator[str]:
    """Commands to go on with, to be pasted as they are."""
    home = outcome.lake.parent
    program = Path(sys.argv[0])
    here = Path.cwd()
    shown = program.relative_to(here) if program.is_relative_to(here) else program
    command = f"LAKE_HOME={shlex.quote(str(home))} {shlex.quote(str(shown))}"
    yield f"\nWhat was rejected:    {command} quarantine summary"
    if outcome.ledger is not None and outcome.ledger.streams:
        line = outcome.ledger.streams[0]
        yield f"Follow one event:     {command} trace {line.stream}/{line.last}"
    yield f"The warm tables:      {home}/warm/warm.duckdb (any DuckDB client)"
    if not outcome.warm.get("dim_client", 1):
        yield "Marts with 0 rows:    of clients, sites and returns, whose files have not landed; simulated ones:"
        yield f"                      {command} simulate-entities; {command} materialize"
    yield f"Remove all of it:     rm -r {shlex.quote(str(home))}"
