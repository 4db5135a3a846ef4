"""How results look: a table in the terminal, the same in Markdown, and a picture.

Belongs here: rows, machine and commit, rendering. Does not: measuring.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from rich.console import Console
from rich.table import Table

from benchmarks.memory import Mark

COLUMNS = (
    "what",
    "broker",
    "body",
    "workers",
    "events/s",
    "events per CPU s",
    "MB/s",
    "RSS MB",
    "files per M",
    "MB per M",
    "pace",
    "load",
)
NOTE = """*pace*: nanoseconds per turn of a loop that does the same everywhere, just before; *load*: processes that
wanted a core. Where they differ between two rows, so did the machine. Contenders and brokers share its cores, so what
compares is events per CPU second of the contender alone. *files* and *MB per M*: per million events."""
MEMORY_NOTE = """One worker catches up by Kafka at default knobs, 300 B bodies: the hub is full when it begins, so the
worker holds what it may hold from the first second to the last."""
COLOURS = {"bronze worker": "#2166ac", "hand-written loop": "#b2182b", "SDK, receive only": "#999999"}


def load() -> float:
    """Processes that want a core, the minute's mean."""
    return os.getloadavg()[0]


@dataclass(frozen=True)
class Row:
    """What one contender did."""

    who: str
    broker: str
    body: int
    workers: int
    used: dict[str, float]
    files: int
    stored: int
    pace: float
    """Nanoseconds per turn of the reference loop just before."""
    load: float

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of COLUMNS."""
        million = self.used["events"] / 1e6
        return (
            self.who,
            self.broker,
            f"{self.body} B",
            str(self.workers),
            f"{self.used['per_second']:,.0f}",
            f"{self.used['per_cpu_second']:,.0f}",
            f"{self.used['per_second'] * self.body / 1e6:,.1f}",
            f"{self.used['rss_mb']:,.0f}",
            f"{self.files / million:,.0f}" if self.files else "-",
            f"{self.stored / million / 1e6:,.0f}" if self.stored else "-",
            f"{self.pace:.0f}",
            f"{self.load:.1f}",
        )

    def line(self) -> str:
        """One line while it runs."""
        return (
            f"{self.who}, {self.broker}, {self.body} B, {self.workers} workers: {self.used['events']:,.0f} events, "
            f"{self.used['per_second']:,.0f}/s, {self.used['per_cpu_second']:,.0f} per CPU s"
        )


@dataclass(frozen=True)
class Latency:
    """From sent to committed, in milliseconds."""

    broker: str
    knobs: str
    rate: int
    found: dict[str, float]

    def cells(self) -> tuple[str, ...]:
        """As text."""
        return (self.broker, self.knobs, f"{self.rate:,}", *(f"{self.found[p]:,.0f}" for p in ("p50", "p95", "p99")))

    def line(self) -> str:
        """One line while it runs."""
        return "latency, {}, {} knobs, {} events/s: p50 {} ms, p95 {} ms, p99 {} ms".format(*self.cells())


@dataclass(frozen=True)
class About:
    """Where and when."""

    machine: str
    commit: str
    when: str
    quick: bool
    seconds: float

    @classmethod
    def of(cls, quick: bool, seconds: float) -> About:
        """This machine and this checkout."""
        return cls(_machine(), _commit(), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", quick, seconds)

    def sentence(self) -> str:
        """One line under the table."""
        mode = "quick" if self.quick else "full"
        return f"{self.machine}; commit {self.commit}; {self.when}; {mode} run of {self.seconds:.0f} s"


def _machine() -> str:
    try:
        names = [line.split(":")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
        shown = f"{os.cpu_count()} x {names[0].strip()}, {int(memory.split()[1]) / 2**20:.0f} GB"
    except (OSError, IndexError, StopIteration):
        shown = f"{os.cpu_count()} x {platform.processor() or platform.machine()}"
    return f"{shown}, {platform.system()}, Python {platform.python_version()}"


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=False).stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + (
        " with changes" if git("status", "--porcelain") else ""
    )


def ratios(rows: Sequence[Row]) -> list[str]:
    """The sentences the figures are made for."""
    said = []
    for body in sorted({row.body for row in rows}):
        one = {
            (row.who, row.broker): row.used["per_cpu_second"] for row in rows if row.workers == 1 and row.body == body
        }
        ours, hand = one.get(("bronze worker", "AMQP")), one.get(("hand-written loop", "AMQP"))
        bare, kafka = one.get(("SDK, receive only", "AMQP")), one.get(("bronze worker", "Kafka"))
        limit = one.get(("Arrow in memory to Delta", "none"))
        if ours and hand:
            said.append(f"AMQP, {body} B: {ours / hand:.1f} times the hand-written loop's events per CPU second.")
        if ours and bare:
            said.append(f"AMQP, {body} B: {ours / bare:.0%} of what the SDK's loop reaches that only receives.")
        if kafka:
            share = f", {kafka / limit:.0%} of the raw limit" if limit else ""
            said.append(f"Kafka, {body} B: {kafka:,.0f} events per CPU second into committed Delta{share}.")
    return said


def show(rows: Sequence[Row], latencies: Sequence[Latency], marks: Sequence[Mark], about: About) -> None:
    """On stdout."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=170)
    grid = Table(*COLUMNS, box=None, header_style="dim", pad_edge=False)
    for column in grid.columns[3:]:
        column.justify = "right"
    for row in rows:
        grid.add_row(*row.cells())
    console.print(grid)
    for latency in latencies:
        console.print(latency.line())
    for mark in marks:
        console.print("memory after {} events: {} MB, {} MB at most".format(*_remembered(mark)))
    for sentence in ratios(rows):
        console.print(sentence, style="bold")
    console.print(about.sentence(), style="dim")


def write(folder: Path, rows: Sequence[Row], latencies: Sequence[Latency], marks: Sequence[Mark], about: About) -> None:
    """RESULTS.md and results.svg."""
    text = [
        "# Bronze ingest, measured",
        "",
        f"Made by `make bench`. {about.sentence()}.",
        "",
        "![Events per CPU second](results.svg)",
        "",
        *markdown(COLUMNS, [row.cells() for row in rows]),
        "",
        NOTE,
        "",
        *(f"- {sentence}" for sentence in ratios(rows)),
    ]
    if latencies:
        heads = ("broker", "knobs", "events/s", "p50 ms", "p95 ms", "p99 ms")
        text += ["", "## From sent to committed", "", *markdown(heads, [each.cells() for each in latencies])]
    if marks:
        heads = ("events", "RSS MB", "most since the row above, MB")
        text += ["", f"## Memory over {marks[-1].events / 1e6:.0f} million events", "", MEMORY_NOTE, ""]
        text += markdown(heads, [_remembered(mark) for mark in marks])
    (folder / "RESULTS.md").write_text("\n".join(text) + "\n")
    (folder / "results.svg").write_text(picture(rows, about))


def _remembered(mark: Mark) -> tuple[str, str, str]:
    return f"{mark.events:,}", f"{mark.rss_mb:,.0f}", f"{mark.most_mb:,.0f}"


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table."""
    return [
        f"| {' | '.join(heads)} |",
        f"|{'|'.join('---' for _ in heads)}|",
        *(f"| {' | '.join(cells)} |" for cells in rows),
    ]


def picture(rows: Sequence[Row], about: About) -> str:
    """Events per CPU second of everything that ran with one worker, as bars."""
    shown = [row for row in rows if row.workers == 1 and row.broker != "none"]
    most = max((row.used["per_cpu_second"] for row in shown), default=1)
    height, bars = 26, []
    for turn, row in enumerate(shown):
        top, rate = 50 + turn * height, row.used["per_cpu_second"]
        width = max(1, round(440 * rate / most))
        label = f"{row.who}, {row.broker}, {row.body} B"
        bars.append(
            f'<text x="236" y="{top + 13}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="244" y="{top}" width="{width}" height="18" fill="{COLOURS.get(row.who, "#4d4d4d")}"/>'
            f'<text x="{250 + width}" y="{top + 13}">{rate:,.0f}</text>'
        )
    bottom = 50 + len(shown) * height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="780" height="{bottom + 34}" '
        'font-family="sans-serif" font-size="12" fill="#222">'
        '<rect width="100%" height="100%" fill="#fff"/>'
        '<text x="12" y="28" font-size="15" font-weight="bold">Events per second of processor time</text>'
        f'{"".join(bars)}<text x="12" y="{bottom + 20}" fill="#666">{escape(about.sentence())}</text></svg>\n'
    )
