"""A Markdown table.

Belongs here: what every rendered page uses: the table, and the line that says that the page is rendered.
Does not: what is in it (the pages).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MADE = "<!-- Rendered from the contracts by `lakehouse contracts render`; edit quality/contracts/, not this page. -->"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *(line(row) for row in rows)]
