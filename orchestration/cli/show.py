"""How commands speak: tables and progress for people on stderr, one JSON object on stdout for programs.

Belongs here: console, tables, progress, complaints.
Does not: what is said.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

FAILURES = (RuntimeError, ValueError, KeyError, FileNotFoundError, FileExistsError, PermissionError, ConnectionError)
"""What a person can cause and mend; anything else is a defect and keeps its traceback."""

JSON = typer.Option("--json", help="One JSON object on stdout.")

people = Console(stderr=True, highlight=False)


def complain(error: BaseException) -> None:
    """An expected failure, in one paragraph."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    people.print(f"[bold red]error:[/] {text}", soft_wrap=True)


def emit(found: Any) -> None:
    """One JSON object on stdout, and nothing else there."""
    sys.stdout.write(json.dumps(found, default=_plain, indent=2) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def number(value: float | None) -> str:
    """A count or a measure, readable."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], console: Console = people) -> None:
    """An aligned table; numbers to the right."""
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], (int, float)) for row in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(number(cell) if isinstance(cell, (int, float)) else str(cell) for cell in row))
    console.print(grid)
    console.print()


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal, a plain line each few seconds elsewhere; call it with done and total."""
    if people.is_terminal:
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=people
        ) as bars:
            task = bars.add_task(what, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
        return
    last = {"done": 0, "said": 0.0}

    def plain(done: int, total: int | None) -> None:
        import time

        last["done"] = done
        if time.monotonic() - last["said"] >= 5:
            last["said"] = time.monotonic()
            people.print(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))

    yield plain
    people.print(f"{what}: {int(last['done']):,} done")
