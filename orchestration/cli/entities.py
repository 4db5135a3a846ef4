"""`lakehouse entities …`: sites, devices, clients and all else that telemetry is about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.show import JSON, emit, people, results, table

app = typer.Typer(no_args_is_help=True)


@app.command("summary")
def summary(json_: Annotated[bool, JSON] = False) -> None:
    """What is known: keys, versions, and rows of files by outcome, per entity."""
    from assets.silver.entities.report import counts
    from lake.store import Lake
    from settings.load import load

    rows = counts(Lake.of(load()))
    if json_:
        emit(rows)
        return
    if not any(row["files"] for row in rows):
        _say_empty()
        return
    names = ("entity", "current", "versions", "files", "accepted", "quarantined", "skipped")
    table("Reference entities", names, [tuple(row[name] for name in names) for row in rows])


@app.command("files")
def files(json_: Annotated[bool, JSON] = False) -> None:
    """What became of each landed file, per mapping, with what it lacks or brings anew."""
    from assets.silver.entities.report import files as listed
    from lake.store import Lake
    from settings.load import load

    rows = listed(Lake.of(load()))
    if json_:
        emit(rows)
        return
    if not rows:
        _say_empty()
        return
    table(
        "Landed files",
        ("file", "mapping", "of", "rows", "accepted", "quarantined", "skipped", "why", "lacks", "unmapped"),
        [
            (
                f"{row['feed']}/{row['path']}",
                row["mapping_id"] or "-",
                f"{row['effective_at']:%Y-%m-%d}" if row["effective_at"] else "",
                *(row[name] for name in ("row_count", "accepted", "quarantined", "skipped")),
                row["fault"] or row["reasons"],
                len(row["missing_columns"]) or None,
                len(row["unmapped_columns"]) or None,
            )
            for row in rows
        ],
    )


@app.command("rejected")
def rejected(
    entity: Annotated[str | None, typer.Option(help="Only this entity.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason code.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Refused rows and files, and why."""
    from assets.silver.entities.report import entity_named
    from assets.silver.entities.report import rejected as listed
    from lake.store import Lake
    from quality.contracts.entity_tables import ENTITY_CODES
    from settings.load import load

    if entity is not None:
        entity_named(entity)
    if reason is not None and reason not in ENTITY_CODES:
        raise ValueError(f"no reason {reason!r}; there are {', '.join(ENTITY_CODES)}")
    rows = listed(Lake.of(load()), entity, reason, limit)
    if json_:
        emit(rows)
    elif rows:
        table(
            "Refused",
            ("file", "row", "entity", "key", "reason", "message", "what to do"),
            [
                (
                    f"{row['feed']}/{row['path']}",
                    row["row_number"] or None,
                    row["entity"],
                    row["entity_key"] or "",
                    row["reason"],
                    row["message"],
                    ENTITY_CODES[row["reason"]].do,
                )
                for row in rows
            ],
        )
    else:
        people.print("Nothing is refused.")


@app.command("history")
def history(
    entity: Annotated[str, typer.Argument(help="Such as site or iot_device.")],
    key: Annotated[list[str], typer.Argument(help="Its key; several values where the key has several columns.")],
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Every version of one key, oldest first, and the row of the file that each comes from."""
    from assets.silver.entities.report import entity_named
    from assets.silver.entities.report import history as versions_of
    from lake.store import Lake
    from settings.load import load

    rows = versions_of(Lake.of(load()), entity, key)
    if json_:
        emit(rows)
        return
    if not rows:
        raise ValueError(f"{entity} {' '.join(key)} is not known; refused rows: lakehouse entities rejected")
    shown = [
        column.name for column in entity_named(entity).columns if any(row[column.name] is not None for row in rows)
    ]
    for row in rows:
        until = f"{row['valid_to']:%Y-%m-%d}" if row.get("valid_to") else "now"
        results.print(
            f"{row['valid_from']:%Y-%m-%d} to {until}   {row['feed']}/{row['path']} row {row['row_number']}",
            markup=False,
        )
        for name in shown:
            results.print(f"  {name}: {row[name]}", markup=False)


@app.command("test")
def test(
    folder: Annotated[Path | None, typer.Option("--specs", help="Folder of specs; default: those in force.")] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Run the examples of the entity mapping specs."""
    from canonical.entities.examples import run_entity_examples
    from canonical.entities.specs import load_entity_specs
    from settings.load import load

    ran = [result for spec in load_entity_specs(folder or load().entity_specs) for result in run_entity_examples(spec)]
    if json_:
        emit([{"mapping": r.mapping_id, "example": r.name, "differences": list(r.differences)} for r in ran])
    else:
        for result in ran:
            results.print(str(result), markup=False)
    if any(result.differences for result in ran):
        raise typer.Exit(1)


def _say_empty() -> None:
    people.print("Nothing has landed yet. Put a file in:  lakehouse land FILE --feed FEED")
