"""`python -m benchmarks.gold`: Silver to Gold and the warm tier measured, beside what people would write instead.

Belongs here: which sections run, at which sizes, whether all computed the same. Does not: how contenders work (a module
each), the warm tier's sections (`benchmarks.warm`), or how results look (`results`).
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console

from benchmarks import measured, report
from benchmarks.gold import aggregates, results
from benchmarks.gold.bench import Bench, remove, row_of
from benchmarks.gold.results import Section
from benchmarks.gold.silver import DAY_S, EVERY_S, Silver, days_from
from benchmarks.gold.stages import Stage
from benchmarks.warm import sections as warm
from lake.store import Lake

HERE = Path(__file__).parent
FIRST = date(2026, 3, 1)
PEERS = {"DuckDB SQL by hand": "sql", "Polars, streaming": "frames", "PySpark, warm": "spark"}
OURS = "benchmarks.gold.ours"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    devices: int
    """Each with a reading every 15 s, for a day."""
    days: int
    added: int
    year: int
    """Dates in a row."""
    year_devices: int
    """Each with a reading every quarter of an hour."""
    warm: warm.Size
    seconds: float
    """Longest a contender may take."""


QUICK = Size(devices=10, days=1, added=400, year=14, year_devices=5, warm=warm.QUICK, seconds=300)
FULL = Size(devices=175, days=2, added=1_000, year=365, year_devices=30, warm=warm.FULL, seconds=900)


def _peers(console: Console) -> dict[str, str]:
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        console.print("PySpark is left out: it needs `uv sync --group bench` and a Java on the PATH")
        return {who: module for who, module in PEERS.items() if module != "spark"}
    return PEERS


def _contend(bench: Bench, section: Section, lake: Lake, ours: aggregates.Totals, *, day: str = "") -> None:
    """All peers on what Silver holds, or on one date of it, each compared with Gold."""
    for who, module in _peers(bench.console).items():
        if day and module == "spark":
            continue
        out = bench.scratch()
        what = f"{who}, that date anew" if day else who
        if bench.peer(section, what, f"benchmarks.gold.{module}", {"lake": lake.root, "date": day}, keep=out):
            theirs = aggregates.totals(out)
            if wrong := aggregates.difference(ours, theirs):
                section.wrong.append(f"OTHER RESULTS: {what}: {wrong}.")
        remove(out)


def _split(stage: Stage) -> str:
    return f"loader {stage.own:.2f}, endpoint {stage.cpu - stage.own:.2f} CPU s; {stage.says['windows']:,} windows"


def levels(bench: Bench, size: Size) -> Section:
    """Silver to all four levels."""
    section = Section(
        "Silver to Readings1m, 5m, 1h, 1d",
        f"{size.days} dates of {size.devices} devices with a reading every {EVERY_S} s. Gold as it runs: exported, "
        "queued, computed by KQL, counted, swapped and copied to Delta; its Kusto is the local endpoint, in Azure a "
        "service that costs this machine nothing. The others read Silver's files and write Parquet.",
    )
    folder, out = bench.scratch(), bench.scratch()
    lake = Lake(str(folder))
    Silver(lake).commit(days_from(FIRST, size.days), size.devices * (DAY_S // EVERY_S), devices=size.devices)
    pace = measured.reference()
    job = {"lake": lake.root, "plan": "whole"}
    for stage in bench.stages(section, "Gold", OURS, job, keep=out):
        bench.add(section, row_of(stage, "Gold, as it runs", pace, more=_split(stage), ours=True))
        section.said.append(f"The loader alone: {stage.rows / stage.own:,.0f} readings per CPU second.")
    if section.rows:
        _contend(bench, section, lake, aggregates.totals(folder, lake))
        section.said += _ratios(section) if not section.wrong else []
    remove(folder, out)
    return section


def _ratios(section: Section) -> list[str]:
    ours = section.rows[0]
    return [
        f"{row.what} needs {row.cpu / ours.cpu:.1%} of the processor time; the same results."
        for row in section.rows
        if row.peer
    ]


def late(bench: Bench, size: Size) -> Section:
    """One late event in a year of data."""
    dates = days_from(FIRST, size.year)
    rows = size.year_devices * DAY_S // 900
    section = Section(
        f"One late reading in {size.year} days",
        f"{rows:,} readings on each of {size.year} dates, then one more, for a date {size.year // 4} days "
        "before the newest. What others would do without knowing what it touches: all dates anew; and with that "
        "knowledge: the date anew.",
    )
    folder, out = bench.scratch(), bench.scratch()
    lake, day = Lake(str(folder)), dates[-1 - size.year // 4]
    Silver(lake).commit(dates, rows, devices=size.year_devices, every_s=900, hourly=False)
    pace = measured.reference()
    job = {"lake": lake.root, "plan": "late", "late": str(day)}
    for stage in bench.stages(section, "Gold", OURS, job, keep=out):
        more = f"{stage.says['dates']} date, {stage.says['mode']}; {_split(stage)}"
        bench.add(section, row_of(stage, "Gold, one late reading", pace, more=more, ours=True))
        section.said.append(
            f"{stage.says['dates']} of {size.year} dates and {stage.says['windows']:,} windows were computed and "
            "written again: those of the reading's hour, and the one of each device for the whole date."
        )
    if section.rows:
        _contend(bench, section, lake, aggregates.totals(folder, lake))
        _contend(bench, section, lake, aggregates.totals(folder, lake, str(day)), day=str(day))
    remove(folder, out)
    return section


def tick(bench: Bench, size: Size) -> Section:
    """What a sensor's tick costs as a date grows."""
    section = Section(
        "A tick",
        f"{size.added:,} readings more of the newest hour, three times, on a date that was loaded whole; then one late "
        "reading of that date. First on a small date, then on one ten times as large.",
    )
    for devices in (max(size.devices // 10, 1), size.devices):
        folder, out = bench.scratch(), bench.scratch()
        lake, rows = Lake(str(folder)), devices * ((DAY_S - 3600) // EVERY_S)
        Silver(lake).commit([FIRST], rows, devices=devices)
        pace = measured.reference()
        job = {"lake": lake.root, "plan": "ticks", "late": str(FIRST), "added": size.added}
        for stage in bench.stages(section, "Gold", OURS, job, keep=out):
            what = f"{stage.name}, date of {rows:,}"
            bench.add(section, row_of(stage, what, pace, more=f"{stage.says['mode']}; {_split(stage)}"))
        remove(folder, out)
    return section


def tier(bench: Bench, size: Size) -> list[Section]:
    """The warm tier's load and builds."""
    home, sections = warm.tier(bench, size.warm)
    bench.kept["tier"] = home
    return sections


def questions(bench: Bench, size: Size) -> list[Section]:
    """The analysts' questions, over a build that is there or is made."""
    if "tier" not in bench.kept:
        bench.kept["tier"], _ = warm.tier(bench, size.warm)
    return [warm.questions(bench, size.warm, bench.kept["tier"])]


SECTIONS: dict[str, Callable[[Bench, Size], list[Section]]] = {
    "levels": lambda bench, size: [levels(bench, size)],
    "late": lambda bench, size: [late(bench, size)],
    "tick": lambda bench, size: [tick(bench, size)],
    "warm": tier,
    "questions": questions,
}


def main() -> int:
    """Run, show, and write the results down; fails where a contender came to other results, or to none."""
    asked = argparse.ArgumentParser(prog="benchmarks.gold", description=__doc__.splitlines()[0])
    asked.add_argument("--quick", action="store_true", help="about two minutes, on small tables")
    asked.add_argument("--write", action="store_true", help="put the results into benchmarks/gold/RESULTS.md")
    asked.add_argument("--only", nargs="*", choices=tuple(SECTIONS), default=[])
    options = asked.parse_args()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    size, begun = QUICK if options.quick else FULL, time.monotonic()
    sections: list[Section] = []
    about = report.About.of(options.quick, 0)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        bench = Bench(Path(scratch), console, size.seconds)
        for name in options.only or SECTIONS:
            console.print(f"{name} …", style="dim")
            sections += SECTIONS[name](bench, size)
            about = report.About.of(options.quick, time.monotonic() - begun)
            if options.write:
                # After each: a run that is cut short leaves what it had.
                results.write(HERE / "RESULTS.md", sections, about)
    results.show(sections, about)
    return 1 if any(section.wrong or not section.cells() for section in sections) else 0


if __name__ == "__main__":
    sys.exit(main())
