"""`python -m benchmarks.silver`: Bronze to Silver measured, beside SQL tuned by hand, PySpark and a Python loop.

Belongs here: which contenders run on which streams, whether they came to the same counts, and the sentences the
figures are made for. Does not: how they work (a module each).
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deltalake import DeltaTable
from pyarrow import dataset
from rich.console import Console
from rich.table import Table

from benchmarks import measured, report
from benchmarks.silver import stream
from lake.store import Lake
from quality.contracts.tables import DUPLICATES, QUARANTINE, READINGS

HERE = Path(__file__).parent
OURS = "Silver"
PEERS = {"DuckDB SQL by hand": "sql", "Python loop": "loop", "PySpark, warm": "spark"}
CAN_READ = {"sql": ("json", "csv"), "loop": ("json", "csv", "protobuf"), "spark": ("json",)}
ALL_PEERS_AT = 0.005
"""Share of broken events at which every peer runs; DuckDB runs at each."""
COLUMNS = (
    *("what", "format", "events", "broken", "events/s", "readings/s", "CPU s per M events", "RSS MB", "pace"),
    *("readings", "quarantined", "duplicates"),
)
Counts = tuple[int, int, int]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    events: int
    growth: tuple[int, ...]
    seconds: float


QUICK = Size(events=100_000, growth=(), seconds=120)
FULL = Size(events=500_000, growth=(500_000, 1_000_000, 2_000_000, 4_000_000), seconds=300)


@dataclass(frozen=True)
class Row:
    """What one contender did with one stream."""

    who: str
    form: str
    broken: float
    used: dict[str, float]
    counts: Counts
    pace: float

    @property
    def cpu(self) -> float:
        """CPU seconds per million events."""
        return self.used["cpu"] / self.used["events"] * 1e6

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of COLUMNS."""
        readings = sum(self.counts) / self.used["seconds"]
        return (
            *(self.who, self.form, f"{self.used['events']:,.0f}", f"{self.broken:.1%}"),
            *(f"{self.used['per_second']:,.0f}", f"{readings:,.0f}", f"{self.cpu:.2f}"),
            *(f"{self.used['rss_mb']:,.0f}", f"{self.pace:.0f}"),
            *(f"{count:,}" for count in self.counts),
        )


@dataclass
class Run:
    """One benchmark: a scratch folder and rows of results."""

    folder: Path
    console: Console
    seconds: float
    rows: list[Row] = field(default_factory=list)

    def contend(self, who: str, module: str, lake: Path, form: str, broken: float) -> None:
        """Run one contender on a filled lake and keep its row; one that fails is said and left out."""
        out = Path(tempfile.mkdtemp(dir=self.folder))
        pace = measured.reference()
        job = {"lake": str(lake), "out": str(out), "form": form}
        try:
            used = measured.run(f"benchmarks.silver.{module}", [job], self.seconds)
            row = Row(who, form, broken, used, _counts(lake, out, module), pace)
        except RuntimeError as problem:
            self.console.print(f"[red]{who}, {form}: {problem}")
            return
        finally:
            shutil.rmtree(out, ignore_errors=True)
            for table in (READINGS, QUARANTINE, DUPLICATES):
                shutil.rmtree(Path(Lake(str(lake)).uri(table)).parent, ignore_errors=True)
        self.rows.append(row)
        self.console.print(" ".join(row.cells()[:8]))

    def stream(self, form: str, count: int, broken: float, peers: Sequence[str]) -> None:
        """All contenders on one stream."""
        lake = Path(tempfile.mkdtemp(dir=self.folder))
        stream.fill(Lake(str(lake)), form, count, broken)
        self.contend(OURS, "ours", lake, form, broken)
        for who in peers:
            if form in CAN_READ[PEERS[who]]:
                self.contend(who, PEERS[who], lake, form, broken)
        shutil.rmtree(lake)


def _counts(lake: Path, out: Path, module: str) -> Counts:
    def rows(name: str, table: str) -> int:
        if module == "ours":
            return int(DeltaTable(table).to_pyarrow_dataset().count_rows())
        folder = out / name
        if module == "spark":
            return int(dataset.dataset(folder, format="parquet", partitioning="hive").count_rows())
        return int(DeltaTable(str(folder)).to_pyarrow_dataset().count_rows()) if folder.exists() else 0

    of = Lake(str(lake))
    return (
        rows("readings", of.uri(READINGS)),
        rows("quarantine", of.uri(QUARANTINE)),
        rows("duplicates", of.uri(DUPLICATES)),
    )


def sentences(rows: Sequence[Row]) -> list[str]:
    """The ratios, per CPU second, and whether all counted the same."""
    said = []
    streams = {(row.form, row.broken, row.used["events"]) for row in rows}
    for form, broken, events in sorted(streams):
        these = [row for row in rows if (row.form, row.broken, row.used["events"]) == (form, broken, events)]
        ours = next((row for row in these if row.who == OURS), None)
        for row in these:
            if ours is None or row is ours:
                continue
            same = "the same counts" if row.counts == ours.counts else f"OTHER COUNTS {row.counts} != {ours.counts}"
            said.append(
                f"{form}, {broken:.1%} broken: {row.cpu / ours.cpu:.2f} times the events per CPU second of "
                f"{row.who}; {same}."
            )
    return said


def _show(console: Console, rows: Sequence[Row], about: report.About) -> None:
    grid = Table(*COLUMNS, box=None, header_style="dim", pad_edge=False)
    for column in grid.columns[2:]:
        column.justify = "right"
    for row in rows:
        grid.add_row(*row.cells())
    console.print(grid)
    for sentence in sentences(rows):
        console.print(sentence, style="bold")
    console.print(about.sentence(), style="dim")


def _write(rows: Sequence[Row], about: report.About) -> None:
    lines = [
        "# Bronze to Silver, measured",
        "",
        f"Made by `make bench WHAT=silver`. {about.sentence()}.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(row.cells()) + " |" for row in rows),
        "",
        "*pace*: nanoseconds per turn of a loop that does the same everywhere, just before: where it differs between",
        "two rows, so did the machine. What compares is CPU seconds per million events.",
        "",
        *(f"- {sentence}" for sentence in sentences(rows)),
        "",
    ]
    (HERE / "RESULTS.md").write_text("\n".join(lines))


def main() -> int:
    """Run, show, and write the results down; fails where a contender came to other counts."""
    asked = argparse.ArgumentParser(prog="benchmarks.silver", description=__doc__.splitlines()[0])
    asked.add_argument("--quick", action="store_true", help="about a minute, on small streams")
    asked.add_argument("--write", action="store_true", help="put the results into benchmarks/silver/RESULTS.md")
    asked.add_argument("--form", nargs="*", choices=tuple(stream.CONTENT_TYPES), default=list(stream.CONTENT_TYPES))
    options = asked.parse_args()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    size, begun = QUICK if options.quick else FULL, time.monotonic()
    peers = list(PEERS)
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        console.print("PySpark is left out: it needs `uv sync --group bench` and a Java on the PATH")
        peers.remove("PySpark, warm")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        run = Run(Path(scratch), console, size.seconds)
        for form in options.form:
            for broken in (0.0, ALL_PEERS_AT, 0.05):
                run.stream(form, size.events, broken, peers if broken == ALL_PEERS_AT else peers[:1])
        for count in size.growth if "json" in options.form else ():
            run.stream("json", count, ALL_PEERS_AT, ())
    about = report.About.of(options.quick, time.monotonic() - begun)
    _show(Console(highlight=False, width=190), run.rows, about)
    if options.write:
        _write(run.rows, about)
        console.print(f"written to {HERE / 'RESULTS.md'}")
    other = [sentence for sentence in sentences(run.rows) if "OTHER COUNTS" in sentence]
    return 1 if other or not run.rows else 0


if __name__ == "__main__":
    sys.exit(main())
