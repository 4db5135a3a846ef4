"""`lakehouse land` and `lakehouse simulate-entities`: files into the landing folder, and through to the entities."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.show import JSON, emit, people, table

_START = datetime(2026, 3, 1, tzinfo=UTC)


def land(
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="CSV, JSON, Parquet, XLS or XLSX; gzip too.")
    ],
    feed: Annotated[str, typer.Option(help="Where they come from: the folder below the landing folder.")],
    as_: Annotated[
        str | None, typer.Option("--as", help="Path below the feed, for a single file; default: its own name.")
    ] = None,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Take it over and build the entities now.")] = True,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Put files into the landing folder, then take them over and build the entities."""
    from assets.bronze.landing import Landing
    from assets.silver.entities.report import files as outcomes
    from lake.store import Lake
    from settings.load import load

    if as_ is not None and len(files) > 1:
        raise ValueError("--as names one file; land them one by one")
    settings = load()
    landing = Landing(settings)
    names = [landing.put(file, feed, as_ or file.name) for file in files]
    for name in names:
        people.print(f"landed {name}", markup=False)
    if run:
        _run()
    if json_:
        emit([row for row in outcomes(Lake.of(settings)) if f"{row['feed']}/{row['path']}" in names] if run else names)
    elif run:
        table(
            "Landed",
            ("file", "entity", "rows", "accepted", "quarantined", "skipped", "why"),
            [
                (
                    f"{row['feed']}/{row['path']}",
                    row["entity"],
                    *(row[name] for name in ("row_count", "accepted", "quarantined", "skipped")),
                    row["fault"] or row["reasons"],
                )
                for row in outcomes(Lake.of(settings))
                if f"{row['feed']}/{row['path']}" in names
            ],
        )


def simulate_entities(
    folder: Annotated[Path | None, typer.Option(help="Where to write; default: the landing folder.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Daily extracts.")] = 3,
    clients: Annotated[int, typer.Option(min=2, max=700, help="Clients of the CRM.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed and start give the same bytes.")] = 1,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Date of the first extract.")] = _START,
    defects: Annotated[bool, typer.Option("--defects/--no-defects", help="Put bad rows in.")] = True,
    manifest: Annotated[Path | None, typer.Option(help="Write what should come of them (.json).")] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Write the extracts of simulated business systems, with defects and an answer key."""
    from settings.load import load
    from simulator.entities import EntityOptions
    from simulator.entities import simulate_entities as run

    target = folder
    if target is None:
        root = load().landing_root
        if "://" in root:
            raise ValueError(f"the landing folder is {root}: write to a folder with --folder and copy the files there")
        target = Path(root)
    options = EntityOptions(folder=target, seed=seed, days=days, clients=clients, start=start.date(), defects=defects)
    answers = run(options)
    if manifest is not None:
        manifest.write_text(json.dumps(answers, indent=1))
    if json_:
        emit(answers)
    else:
        people.print(f"{len({file['file'] for file in answers['files']})} files in {target}", markup=False)
        people.print("Take them over:  lakehouse materialize")


def _run() -> None:
    from orchestration.build import build_defs
    from orchestration.drive import instance_at, run_due
    from settings.load import load

    settings = load()
    with instance_at(settings.home / "dagster") as instance:
        run_due(
            build_defs(settings), instance, lambda job, what: people.print(f"{job}: {what}"), lanes=("landing_files",)
        )
