"""`lakehouse ledger` and `lakehouse trace`: is every event accounted for, and where did one go."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from orchestration.cli.show import JSON, complain, emit, people, results, table, verdict

if TYPE_CHECKING:
    from quality.rules.ledger import Ledger, StreamLine

_OUTCOMES = ("accepted", "partial", "quarantined", "duplicate")
_FAULTS = {
    "lost": "events the hub gave up before they were read (bronze.lost); accounted for",
    "missing": "numbers the hub gave that Bronze does not hold",
    "repeated": "events that Bronze holds twice",
    "unaccounted": "processed events that are in no table of Silver",
    "unfounded": "events in Silver that Bronze does not hold",
}


def ledger(json_: Annotated[bool, JSON] = False) -> None:
    """Account for every event; exit code 1 where the ledger does not balance."""
    from assets.silver.audit import audit
    from lake.store import Lake
    from quality.contracts.tables import BRONZE_TELEMETRY
    from quality.rules.ledger import Ledger
    from settings.load import load

    lake = Lake.of(load())
    # Whoever asks makes no tables.
    found = audit(lake) if lake.exists(BRONZE_TELEMETRY) else Ledger(batch=0, streams=())
    if json_:
        emit(asdict(found) | {"events": found.events, "balanced": found.balanced})
    elif found.streams:
        show(found)
    else:
        people.print(f"The lake at {lake.root} holds no events yet: lakehouse ingest bronze")
    if not found.balanced:
        raise typer.Exit(1)


def show(found: Ledger) -> None:
    """The ledger as tables: a stream a line, what came of the readings, why rows are in quarantine."""
    faults = [name for name in _FAULTS if any(getattr(line, name) for line in found.streams)]
    table(
        f"Ledger in events, at Silver batch {found.batch} (partial is contained in accepted)",
        ("stream", "numbers", "events", *_OUTCOMES, "lag", *faults, ""),
        [_line(line, faults) for line in found.streams] + ([_sum(found, faults)] if len(found.streams) > 1 else []),
    )
    for name in faults:
        people.print(f"{name}: {_FAULTS[name]}")
    table("Readings", ("outcome", "rows"), list(found.readings.items()))
    if found.reasons:
        from quality.contracts.reasons import CODES

        table(
            "Quarantine",
            ("reason", "rows", "meaning"),
            [(code, count, CODES[code].says if code in CODES else "") for code, count in found.reasons.items()],
        )


def _line(line: StreamLine, faults: list[str]) -> tuple[Any, ...]:
    counts = (getattr(line, name) for name in (*_OUTCOMES, "lag", *faults))
    return (line.stream, f"{line.first} to {line.last}", line.rows, *counts, _balanced(good=line.balanced))


def _sum(found: Ledger, faults: list[str]) -> tuple[Any, ...]:
    counts = (sum(getattr(line, name) for line in found.streams) for name in ("rows", *_OUTCOMES, "lag", *faults))
    return ("all", "", *counts, _balanced(good=found.balanced))


def _balanced(*, good: bool) -> Text:
    return verdict(good=good, says=("balanced", "NOT BALANCED"))


def trace(
    event: Annotated[str, typer.Argument(help="hub/partition/epoch/sequence, e.g. telemetry/0/0/42")],
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Follow one event through every stop; exit code 1 where Bronze does not hold it."""
    from orchestration.trace import follow, why_absent
    from settings.load import load

    settings = load()
    found = follow(settings, event)
    if json_:
        emit(found)
    elif found["found"]:
        _stops(found)
    if not found["found"]:
        complain(LookupError(why_absent(settings, event)))
        raise typer.Exit(1)


def _stops(found: dict[str, Any]) -> None:
    """Bronze's row on end, every other stop as a table; times are UTC."""
    results.print(Text(f"{found['event']}: {found['outcome']}\n", "bold"))
    for stop, rows in found["stops"].items():
        if stop == "bronze.telemetry":
            # Numbers as they are: they are parts of the event's name, not counts.
            cells = ((name, str(cell) if isinstance(cell, int) else cell) for name, cell in rows[0].items())
            table(stop, ("column", "value"), [line for line in cells if line[1] not in (None, "", {})])
        elif rows:
            table(stop, tuple(rows[0]), [tuple(row.values()) for row in rows])
    nowhere = ", ".join(stop for stop, rows in found["stops"].items() if not rows)
    if nowhere:
        results.print(Text(f"nothing in {nowhere}", "dim"))
