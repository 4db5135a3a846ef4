"""`lakehouse ledger` and `lakehouse trace`: is every event accounted for, and where did one go."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from orchestration.cli.show import JSON, emit, people, table


def ledger(json_: Annotated[bool, JSON] = False) -> None:
    """Account for every event; exit code 1 where the ledger does not balance."""
    from assets.silver.audit import audit
    from lake.store import Lake
    from settings.load import load

    found = audit(Lake.of(load()))
    if json_:
        emit(asdict(found) | {"events": found.events, "balanced": found.balanced})
    else:
        show(found)
    if not found.balanced:
        raise typer.Exit(1)


def show(found: Any) -> None:
    """The ledger as a table."""
    columns = ("first", "last", "rows", "missing", "repeated", "lag", "accepted", "partial", "quarantined", "duplicate")
    judged = ("unaccounted", "unfounded")
    table(
        f"Ledger at Silver batch {found.batch}, in events (partial is contained in accepted)",
        ("stream", *columns, *judged, ""),
        [
            (
                line.stream,
                *(getattr(line, name) for name in (*columns, *judged)),
                "[green]balanced[/]" if line.balanced else "[bold red]NOT BALANCED[/]",
            )
            for line in found.streams
        ],
    )
    table(
        "Readings",
        ("outcome", "readings"),
        [(outcome, count) for outcome, count in found.readings.items()],
    )
    if found.reasons:
        from quality.contracts.reasons import CODES

        table(
            "Quarantine",
            ("reason", "rows", "meaning"),
            [(code, count, CODES[code].says if code in CODES else "") for code, count in found.reasons.items()],
        )


def trace(
    event: Annotated[str, typer.Argument(help="hub/partition/epoch/sequence, e.g. telemetry/0/0/42")],
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Follow one event through every stop."""
    from orchestration.trace import follow
    from settings.load import load

    stops = follow(load(), event)
    if json_:
        emit(stops)
    else:
        people.print(f"[bold]{event}[/]")
        for stop, rows in stops["stops"].items():
            if not rows:
                people.print(f"{stop}: nothing\n")
                continue
            names = list(rows[0])
            table(stop, names, [["" if row[name] is None else str(row[name]) for name in names] for row in rows])
    if not stops["found"]:
        raise typer.Exit(1)
