"""`lakehouse maintain`: what the nightly run does, now, and without Dagster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.show import JSON, emit, people, table

if TYPE_CHECKING:
    from assets.maintenance.maintain import Report


def maintain(
    only: Annotated[
        list[str] | None, typer.Option("--table", help="A table, e.g. bronze/telemetry; may be repeated. Default: all.")
    ] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Rewrite closed partitions as few large files; delete what no version needs any more."""
    from assets.maintenance.maintain import maintain as maintain_table
    from lake.store import Lake
    from quality.contracts.tables import TABLES
    from quality.contracts.tables import table as named
    from settings.load import load

    lake = Lake.of(load())
    wanted = [named(path) for path in only] if only else TABLES
    found = (maintain_table(lake, each, people.print) for each in wanted)
    reports = [report for report in found if report is not None]
    if json_:
        emit([report.as_dict() for report in reports])
    elif reports:
        _show(reports)
    else:
        people.print(f"The lake at {lake.root} has no tables yet.")


def _show(reports: list[Report]) -> None:
    table(
        "Maintenance (requests: of one full read, and of opening the table)",
        ("table", "rewritten", "hot", "refused", "files", "read requests", "log requests", "deleted", "seconds"),
        [_line(report) for report in reports],
    )
    for report in reports:
        for why in report.hot:
            people.print(f"{report.table} {why}: left alone")
        if report.kept_versions:
            people.print(f"{report.table}: an unfinished Silver batch keeps versions {report.kept_versions}")


def _line(report: Report) -> tuple[Any, ...]:
    return (
        report.table,
        len(report.rewritten),
        len(report.hot),
        len(report.refused),
        _change(report.files_before, report.files_after),
        _change(report.read_requests_before, report.read_requests_after),
        _change(report.open_requests_before, report.open_requests_after),
        report.deleted,
        report.seconds,
    )


def _change(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"{before:,} → {after:,}"
