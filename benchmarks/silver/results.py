"""What contenders used: medians over turns, the ratios in words, and the page.

Belongs here: figures and how they are told. Does not: running anything (`__main__`).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import report

OURS = "Silver"
COLUMNS = (
    *("what", "format", "events", "broken", "turns", "events/s", "readings/s", "CPU s per M events", "RSS MB", "pace"),
    *("readings", "quarantined", "duplicates"),
)
Counts = tuple[int, int, int]
Stream = tuple[str, float, int]
"""Format, share of broken events, events."""


@dataclass(frozen=True)
class Row:
    """What one contender did with one stream, in one turn or as the median of several."""

    who: str
    form: str
    broken: float
    turn: int
    used: dict[str, float]
    counts: Counts
    pace: float
    turns: int = 1

    @property
    def stream(self) -> Stream:
        """Which stream it read."""
        return self.form, self.broken, int(self.used["events"])

    @property
    def cpu(self) -> float:
        """CPU seconds per million events."""
        return self.used["cpu"] / self.used["events"] * 1e6

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of COLUMNS."""
        readings = sum(self.counts) / self.used["events"] * self.used["per_second"]
        return (
            *(self.who, self.form, f"{self.used['events']:,.0f}", f"{self.broken:.1%}", str(self.turns)),
            *(f"{self.used['per_second']:,.0f}", f"{readings:,.0f}", f"{self.cpu:.2f}"),
            *(f"{self.used['rss_mb']:,.0f}", f"{self.pace:.0f}"),
            *(f"{count:,}" for count in self.counts),
        )


def medians(rows: Sequence[Row]) -> list[Row]:
    """One row for each contender and stream, in order: the median of each figure over its turns."""
    together: dict[tuple[str, Stream], list[Row]] = {}
    for row in rows:
        together.setdefault((row.who, row.stream), []).append(row)
    return [_median(turns) for turns in together.values()]


def _median(turns: Sequence[Row]) -> Row:
    used = {name: statistics.median(row.used[name] for row in turns) for name in turns[0].used}
    return replace(turns[0], used=used, pace=statistics.median(row.pace for row in turns), turns=len(turns))


def sentences(rows: Sequence[Row]) -> list[str]:
    """The ratios, per CPU second, as the median over the turns, and whether all counted the same."""
    said = []
    for form, broken, events in sorted({row.stream for row in rows}):
        these = [row for row in rows if row.stream == (form, broken, events)]
        ours = {row.turn: row for row in these if row.who == OURS}
        for who in dict.fromkeys(row.who for row in these if row.who != OURS):
            pairs = [(row, ours[row.turn]) for row in these if row.who == who and row.turn in ours]
            if not pairs:
                continue
            ratios = sorted(theirs.cpu / mine.cpu for theirs, mine in pairs)
            other = next(((theirs, mine) for theirs, mine in pairs if theirs.counts != mine.counts), None)
            same = f"OTHER COUNTS {other[0].counts} != {other[1].counts}" if other else "the same counts"
            span = f" ({ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} turns)" if len(ratios) > 1 else ""
            said.append(
                f"{form}, {broken:.1%} broken: {statistics.median(ratios):.2f} times{span} the events per CPU second "
                f"of {who}; {same}."
            )
    return said


def show(console: Console, rows: Sequence[Row], about: report.About) -> None:
    """On a terminal."""
    grid = Table(*COLUMNS, box=None, header_style="dim", pad_edge=False)
    for column in grid.columns[2:]:
        column.justify = "right"
    for row in medians(rows):
        grid.add_row(*row.cells())
    console.print(grid)
    for sentence in sentences(rows):
        console.print(sentence, style="bold")
    console.print(about.sentence(), style="dim")


def write(page: Path, rows: Sequence[Row], about: report.About) -> None:
    """As a page."""
    lines = [
        "# Bronze to Silver, measured",
        "",
        f"Made by `make bench WHAT=silver`. {about.sentence()}.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(row.cells()) + " |" for row in medians(rows)),
        "",
        "Each row is the median of its turns. *pace*: nanoseconds per turn of a loop that does the same everywhere,",
        "just before: where it differs between two rows, so did the machine. What compares is CPU seconds per million",
        "events within one turn, in which the contenders follow each other: below are the medians of those ratios.",
        "",
        *(f"- {sentence}" for sentence in sentences(rows)),
        "",
    ]
    page.write_text("\n".join(lines))
