"""How the results of Gold and the warm tier look: a table per question in the terminal, the same in Markdown.

Belongs here: rows, sentences, rendering. Does not: measuring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import report

COLUMNS = ("what", "rows", "wall s", "CPU s", "rows/s", "rows per CPU s", "RSS MB", "CPU, ours = 1", "pace", "more")
NOTE = """*CPU s*: of the contender and all it starts, a local service included; what compares is this column, within
one table. *CPU, ours = 1*: what others used, as a multiple of the last row above them that is ours. *pace*:
nanoseconds per turn of a loop that does the same everywhere, just before: where it differs between two rows, so did
the machine."""


@dataclass(frozen=True)
class Row:
    """What one contender did. `ours` begins a comparison: the rows after it are measured against it."""

    what: str
    rows: float
    seconds: float
    cpu: float
    rss_mb: float
    pace: float
    more: str = ""
    ours: bool = False
    peer: bool = False

    def cells(self, against: Row | None) -> tuple[str, ...]:
        """As text, in the order of COLUMNS; `against`: the row that counts as 1."""
        ratio = "1" if self.ours else f"{self.cpu / against.cpu:.3g}" if self.peer and against else "-"
        return (
            *(self.what, f"{self.rows:,.0f}", f"{self.seconds:.2f}", f"{self.cpu:.2f}"),
            *(f"{self.rows / self.seconds:,.0f}", f"{self.rows / self.cpu:,.0f}" if self.cpu else "-"),
            *(f"{self.rss_mb:,.0f}", ratio, f"{self.pace:.0f}", self.more),
        )


@dataclass
class Section:
    """One question with its rows, and what is to be said of them."""

    title: str
    about: str
    rows: list[Row] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    heads: tuple[str, ...] = COLUMNS
    lines: list[tuple[str, ...]] = field(default_factory=list)
    """Rows of a table that has columns of its own."""
    wrong: list[str] = field(default_factory=list)
    """What makes the run a failure: other results, or a contender that did not end."""

    def cells(self) -> list[tuple[str, ...]]:
        """All rows as text."""
        made, against = list(self.lines), None
        for row in self.rows:
            against = row if row.ours else against
            made.append(row.cells(against))
        return made


def show(sections: Sequence[Section], about: report.About) -> None:
    """On stdout."""
    console = Console(highlight=False, width=200)
    for section in sections:
        console.print(f"\n{section.title}", style="bold")
        grid = Table(*section.heads, box=None, header_style="dim", pad_edge=False)
        for column in grid.columns[1:-1]:
            column.justify = "right"
        for cells in section.cells():
            grid.add_row(*cells)
        console.print(grid)
        for sentence in (*section.said, *section.wrong):
            console.print(sentence)
    console.print(about.sentence(), style="dim")


def write(file: Path, sections: Sequence[Section], about: report.About) -> None:
    """The page."""
    text = ["# Gold and warm, measured", "", f"Made by `make bench WHAT=gold`. {about.sentence()}.", "", NOTE]
    for section in sections:
        text += ["", f"## {section.title}", "", section.about, ""]
        text += report.markdown(section.heads, section.cells())
        text += ["", *(f"- {sentence}" for sentence in (*section.said, *section.wrong))]
    file.write_text("\n".join(text) + "\n")
