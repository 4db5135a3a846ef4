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
from dataclasses import dataclass, field, replace
from pathlib import Path

from deltalake import DeltaTable
from pyarrow import dataset
from rich.console import Console

from benchmarks import measured, report
from benchmarks.silver import stream
from benchmarks.silver.results import OURS, Counts, Row, sentences, show, write
from lake.store import Lake
from quality.contracts.tables import DUPLICATES, QUARANTINE, READINGS

PAGE = Path(__file__).parent / "RESULTS.md"
PEERS = {"DuckDB SQL by hand": "sql", "Python loop": "loop", "PySpark": "spark"}
CAN_READ = {"sql": ("json", "csv"), "loop": ("json", "csv", "protobuf"), "spark": ("json",)}
ALL_PEERS_AT = 0.005
"""Share of broken events at which every peer runs; DuckDB runs at each."""
TURNS, SLOW_TURNS = 4, 2
"""How often each contender runs on a stream, and those that take far longer than the others."""
SLOW = ("Python loop", "PySpark")
WARMING_EVENTS = 5_000
"""Each contender does so many before it is measured; PySpark, which needs more, does all of them."""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    events: int
    growth: tuple[int, ...]
    seconds: float
    turns: int
    slow_turns: int


QUICK = Size(events=100_000, growth=(), seconds=120, turns=1, slow_turns=1)
FULL = Size(
    events=1_000_000,  # one batch of the default size
    growth=(500_000, 2_000_000, 4_000_000),
    seconds=300,
    turns=TURNS,
    slow_turns=SLOW_TURNS,
)


@dataclass(frozen=True)
class Filled:
    """A lake whose Bronze holds a stream, and a small one of the same kind to get warm on."""

    lake: Path
    warming: Path
    form: str
    broken: float


@dataclass
class Run:
    """One benchmark: a scratch folder and rows of results."""

    folder: Path
    console: Console
    seconds: float
    rows: list[Row] = field(default_factory=list)

    def contend(self, who: str, module: str, filled: Filled, turn: int) -> None:
        """Run one contender on a filled lake and keep its row; one that fails is said and left out."""
        out, lake, form, broken = Path(tempfile.mkdtemp(dir=self.folder)), filled.lake, filled.form, filled.broken
        warming = shutil.copytree(filled.warming, out / "warming")
        pace = measured.reference()
        measured.settle()
        job = {"lake": str(lake), "out": str(out), "form": form, "warming": str(warming)}
        try:
            used = measured.run(f"benchmarks.silver.{module}", [job], self.seconds)
            row = Row(who, form, broken, turn, used, _counts(lake, out, module), pace)
        except RuntimeError as problem:
            self.console.print(f"[red]{who}, {form}: {problem}")
            return
        finally:
            shutil.rmtree(out, ignore_errors=True)
            for table in (READINGS, QUARANTINE, DUPLICATES):
                shutil.rmtree(Path(Lake(str(lake)).uri(table)).parent, ignore_errors=True)
        self.rows.append(row)
        self.console.print(f"{form} {broken:.1%} {used['events']:,.0f}, turn {turn + 1}: {who} {row.cpu:.2f} s per M")

    def stream(self, form: str, count: int, broken: float, peers: Sequence[str], size: Size) -> None:
        """All contenders on one stream, one after the other in each turn, so that a turn's figures compare."""
        lake, warming = (Path(tempfile.mkdtemp(dir=self.folder)) for _ in range(2))
        stream.fill(Lake(str(lake)), form, count, broken)
        stream.fill(Lake(str(warming)), form, WARMING_EVENTS, broken)
        able = [who for who in peers if form in CAN_READ[PEERS[who]]]
        for turn in range(size.turns):
            there = [who for who in able if who not in SLOW or turn < size.slow_turns]
            order = [(OURS, "ours"), *((who, PEERS[who]) for who in there)]
            for who, module in order if turn % 2 == 0 else reversed(order):
                self.contend(who, module, Filled(lake, warming, form, broken), turn)
        shutil.rmtree(lake)
        shutil.rmtree(warming)


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
        peers.remove("PySpark")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        run = Run(Path(scratch), console, size.seconds)
        for form in options.form:
            for broken in (0.0, ALL_PEERS_AT, 0.05):
                run.stream(form, size.events, broken, peers if broken == ALL_PEERS_AT else peers[:1], size)
        for count in size.growth if "json" in options.form else ():
            run.stream("json", count, ALL_PEERS_AT, (), replace(size, turns=1))
    about = report.About.of(options.quick, time.monotonic() - begun)
    show(Console(highlight=False, width=190), run.rows, about)
    if options.write:
        write(PAGE, run.rows, about)
        console.print(f"written to {PAGE}")
    other = [sentence for sentence in sentences(run.rows) if "OTHER COUNTS" in sentence]
    return 1 if other or not run.rows else 0


if __name__ == "__main__":
    sys.exit(main())
