"""`lakehouse quarantine …`: what was rejected, why, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, legible, people, printable, results, table

app = typer.Typer(no_args_is_help=True)

_SHOWN = (
    *("index", "mapping_id", "device_id", "metric", "channel", "recorded_at"),
    *("field", "value", "digest", "silver_batch"),
)


@app.command("summary")
def summary(json_: Annotated[bool, JSON] = False) -> None:
    """Rejected rows per mapping and reason."""
    from orchestration.rejected import summarised
    from quality.contracts.reasons import CODES
    from settings.load import load

    rows = summarised(load())
    if json_:
        emit(rows)
        return
    if not rows:
        _say_empty()
        return
    table(
        "Quarantine",
        ("mapping", "reason", "rows", "events", "first", "last", "what to do"),
        [
            (
                row["mapping_id"] or "-",
                row["reason"],
                row["rows"],
                row["events"],
                f"{row['first']:%Y-%m-%d %H:%M}",
                f"{row['last']:%Y-%m-%d %H:%M}",
                CODES[row["reason"]].do,
            )
            for row in rows
        ],
    )
    people.print("After a fix, materialize the hours in Dagster's UI (silver/readings): they are recomputed.")
    people.print("One event, with its bytes: lakehouse quarantine show EVENT (named by: lakehouse quarantine list)")


@app.command("list")
def list_(
    reason: Annotated[str | None, typer.Option(help="Only this reason code.")] = None,
    mapping: Annotated[str | None, typer.Option(help="Only this mapping.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest rows first, at most this many.")] = 20,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Rejected rows, newest first."""
    from orchestration.rejected import listed
    from quality.contracts.reasons import CODES
    from settings.load import load

    if reason is not None and reason not in CODES:
        raise ValueError(f"no reason {reason!r}; there are {', '.join(CODES)}")
    rows = listed(load(), reason=reason, mapping=mapping, limit=limit)
    if json_:
        emit(rows)
        return
    if not rows:
        _say_empty(reason=reason, mapping=mapping)
        return
    table(
        "Quarantine",
        ("event", "enqueued", "reason", "field", "value", "message"),
        [
            (
                row["event"],
                f"{row['enqueued_at']:%Y-%m-%d %H:%M:%S}",
                row["reason"],
                row["field"] or "",
                row["value"] or "",
                row["message"],
            )
            for row in rows
        ],
    )


@app.command("show")
def show(
    event: Annotated[str, typer.Argument(help="hub/partition/epoch/sequence, as `list` prints it")],
    json_: Annotated[bool, JSON] = False,
) -> None:
    """All about one rejected event: every reason, its bytes, and where to go on."""
    from orchestration.rejected import of_event
    from quality.contracts.reasons import CODES
    from settings.load import load

    rows = of_event(load(), event)
    if not rows:
        raise ValueError(f"{event} has no row in quarantine; follow it with: lakehouse trace {event}")
    if json_:
        emit(rows)
        return
    for row in rows:
        reason = CODES[row["reason"]]
        results.print(Text.assemble((reason.code, "bold"), f": {printable(row['message'])}"))
        results.print(Text(f"  {reason.says} {reason.do}"))
        for name in _SHOWN:
            if row[name] not in {None, ""}:
                results.print(Text(f"  {name}: {printable(str(row[name]))}"))
    body: bytes = rows[0]["body"]
    results.print(Text(f"body, {len(body):,} bytes:"))
    results.print(Text(legible(body)))
    people.print(f"Every stop of the event: lakehouse trace {event}", markup=False)


def _say_empty(**wanted: str | None) -> None:
    which = ", ".join(f"{name} {value}" for name, value in wanted.items() if value is not None)
    people.print(f"Nothing is in quarantine{f' with {which}' if which else ''}.", markup=False)
