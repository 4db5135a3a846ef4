"""What is measured of the warm tier: the load, dbt, and the questions; sizes, sentences, comparisons.

Belongs here: which contenders run and what their stages mean. Does not: how they work (`tier`, `plain`, `asking`), or
how results look (`benchmarks.gold.results`).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks import measured
from benchmarks.gold.bench import Bench, remove, row_of
from benchmarks.gold.results import Section
from benchmarks.gold.silver import days_from
from benchmarks.gold.stages import Stage
from benchmarks.warm.asking import QUERIES
from benchmarks.warm.estate import METRICS, Estate
from lake.store import Lake
from settings.model import Settings

FIRST = date(2026, 3, 1)
SERVER = "LAKE_TEST_SQLSERVER"
BAR = 90_000
"""Rows a second that a SQL Server has to take."""
BYTES_PER_ROW = 60
"""Of an hourly row on disk, with room for what a question spills."""


@dataclass(frozen=True)
class Size:
    """How much is measured: an estate, the days its Gold holds, the days the questions are asked over."""

    devices: int
    held: int
    days: tuple[int, ...]

    @property
    def hourly(self) -> int:
        """Hourly rows a day."""
        return self.devices * len(METRICS) * 24


QUICK = Size(devices=500, held=2, days=(14,))
FULL = Size(devices=1_900, held=4, days=(4, 37, 366))


def tier(bench: Bench, size: Size, *, builds: bool = True) -> tuple[Path, list[Section]]:
    """The home of a warm tier, and what loading and building it took."""
    load = Section(
        "Gold to staging",
        f"{size.held} dates of {size.devices:,} devices with {len(METRICS)} metrics, hourly and daily, and all other "
        "staged tables, in one transaction. The plain way is DuckDB reading the same files into tables, with nothing "
        "counted, replaced or remembered.",
    )
    build = Section(
        "dbt build",
        "All models with their tests, from scratch; then one date again. Rows are those of all marts afterwards. Much "
        "of it is dbt itself: starting, parsing, and a round trip for each of its nodes.",
    )
    home, out, late = bench.scratch(), bench.scratch(), FIRST.isoformat()
    lake = Lake.of(Settings(home=home, _env_file=None))
    Estate(lake, size.devices).dates(days_from(FIRST, size.held), 1)
    if builds:
        _servers(bench, load, home)
    pace = measured.reference()
    job = {"home": str(home), "server": "", "builds": builds, "devices": size.devices, "late": late}
    for stage in bench.stages(load, "the warm tier on DuckDB", "benchmarks.warm.tier", job, keep=out):
        if stage.name.startswith("load"):
            of = f"DuckDB, {stage.name}"
            bench.add(load, row_of(stage, of, pace, more=f"{stage.says['dates']} dates", ours=stage.name == "load"))
            if stage.name == "load" and builds:
                plain = bench.scratch()
                bench.peer(load, "DuckDB, plain", "benchmarks.warm.plain", {"lake": lake.root}, keep=plain)
                remove(plain)
        else:
            ran = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in sorted(stage.says.items()))
            bench.add(build, row_of(stage, stage.name, pace, more=ran))
    remove(out)
    return home, [load, build]


def _servers(bench: Bench, section: Section, home: Path) -> None:
    if not os.environ.get(SERVER):
        section.said.append(f"{SERVER} is not set: no SQL Server was measured.")
        return
    pace, out = measured.reference(), bench.scratch()
    job = {"home": str(home), "server": SERVER}
    for stage in bench.stages(section, "the load into a SQL Server", "benchmarks.warm.tier", job, keep=out):
        bench.add(section, row_of(stage, f"SQL Server, {stage.name}", pace, more=f"{stage.says['dates']} dates"))
        section.said.append(told_of_server(stage))
    remove(out)


def told_of_server(stage: Stage) -> str:
    """What a load into a server says, and what it does not: the processor time is the client's alone."""
    return (
        f"SQL Server, {stage.name}: {stage.rows / stage.seconds:,.0f} rows/s (asked for: {BAR:,}) at "
        f"{stage.cpu / stage.rows * 1e6:.1f} µs of the client's processor time a row, so this client alone could send "
        f"{stage.rows / stage.cpu:,.0f} a second per core. Where {SERVER} names the stand-in of the tests, which is "
        "DuckDB behind a Python that speaks TDS, the wall time is the stand-in's and only the client's side is told."
    )


def questions(bench: Bench, size: Size, home: Path) -> Section:
    """The questions at each size."""
    days = [
        wanted for wanted in size.days if shutil.disk_usage(bench.folder).free > wanted * size.hourly * BYTES_PER_ROW
    ]
    section = Section(
        "Questions",
        f"docs/analysts/queries over marts of {size.devices:,} devices that grow by days: milliseconds, median of 3, "
        "DuckDB with 4 GB. The answers are taken over whole, as Arrow.",
    )
    if days != list(size.days):
        section.said.append(f"No room on the disk for {', '.join(map(str, sorted({*size.days} - {*days})))} days.")
    out = bench.scratch()
    database = Settings(home=home, _env_file=None).warm_database
    job = {"database": str(database), "held": size.held, "days": days, "memory": "4GB", "disk": "8GB"}
    stages = bench.stages(section, "the questions", "benchmarks.warm.asking", job, keep=out)
    asked = [stage for stage in stages if stage.name == "ask"]
    section.heads = (
        "question",
        *(f"{stage.rows / 1e6:,.0f} M hourly rows" for stage in asked),
        "rows of the answer",
        "growth",
    )
    for name in (path.stem for path in QUERIES) if asked else ():
        took = [stage.says["asked"][name][0] for stage in asked]
        rows = asked[-1].says["asked"][name][1]
        section.lines.append((name, *(f"{each:,.1f}" for each in took), f"{rows:,}", growth(asked, took)))
        if not rows:
            section.wrong.append(f"{name} was answered with nothing.")
    for stage in asked:
        bench.console.print(f"{stage.rows:,.0f} hourly rows: {stage.seconds:.1f} s for all questions, three times")
        slowest, (took_ms, _) = max(stage.says["asked"].items(), key=lambda item: item[1][0])
        total = sum(took_ms for took_ms, _ in stage.says["asked"].values()) / 1000
        section.said.append(
            f"{stage.rows:,.0f} hourly rows, {stage.says['bytes'] / 2**20:,.0f} MB on disk, {stage.rss_mb:,.0f} MB in "
            f"memory: all {len(QUERIES)} {total:.1f} s; the slowest is {slowest}, {took_ms:,.0f} ms."
        )
    remove(out)
    return section


def growth(asked: list[Stage], took: list[float]) -> str:
    """How often the time from the first size to the last, for how many times the rows."""
    if len(asked) < 2:
        return "-"
    return f"{took[-1] / took[0]:.1f}x for {asked[-1].rows / asked[0].rows:.0f}x"
