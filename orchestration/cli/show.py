"""How commands speak: results on stdout, for people as tables or for programs as JSON; all else on stderr.

Belongs here: consoles, tables, progress, complaints, and keeping libraries quiet.
Does not: what is said.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

FAILURES = (RuntimeError, ValueError, KeyError, OSError)
"""What a person can cause and mend; anything else is a defect and keeps its traceback."""

JSON = typer.Option("--json", help="JSON on stdout and nothing else there.")

_PIPE_WIDTH = 160
"""Columns where no terminal says how many: what goes to a file or a log is not folded at 80."""
_PLAIN_EVERY_SECONDS = 5.0
_LONGEST = 2000


people = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress, hints and complaints."""
results = Console(highlight=False, soft_wrap=True)
"""What was asked for."""
_piped = Console(highlight=False, width=_PIPE_WIDTH)


def complain(error: BaseException) -> None:
    """An expected failure, in one paragraph."""
    people.print(Text.assemble(("error: ", "bold red"), printable(_sentence(error))))


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"  # without the number that the system gives it
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def emit(found: Any) -> None:
    """One JSON document on stdout, and nothing else there."""
    sys.stdout.write(json.dumps(found, default=_plain, indent=2) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def printable(text: str) -> str:
    """Text from outside, safe for a terminal: control characters are written out, line ends and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def legible(body: bytes) -> str:
    """Bytes for a person: as text where they are text, else in hexadecimal; long ones are cut."""
    try:
        text = printable(body.decode())
    except UnicodeDecodeError:
        text = f"(hex) {body.hex(' ', -4)}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … (of {len(body):,} bytes)"


def verdict(*, good: bool, says: tuple[str, str]) -> Text:
    """The first of `says` in green, or the second in red."""
    return Text(says[0], "green") if good else Text(says[1], "bold red")


def number(value: float | None) -> str:
    """A count or a measure, readable and to the last digit that a sensor means."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """An aligned table on stdout; numbers to the right, None is empty. Text is shown as it is, never as markup."""
    grid = Table(header_style="dim", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        cells = [row[index] for row in rows if row[index] is not None]
        numeric = bool(cells) and all(map(_is_number, cells))
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(_cell, row))
    results.print(Text(title, "bold"))
    if results.is_terminal or "COLUMNS" in os.environ:
        results.print(grid, soft_wrap=False)
    else:
        _piped.print(grid)
    results.print()


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _cell(cell: Any) -> Text:
    if isinstance(cell, Text):
        return cell
    if cell is None or _is_number(cell):
        return Text(number(cell))
    if isinstance(cell, bytes):
        return Text(legible(cell))
    if isinstance(cell, datetime):
        cell = cell.replace(tzinfo=None).isoformat(sep=" ")  # everything here is UTC
    if isinstance(cell, Mapping):
        cell = ", ".join(f"{name}={value}" for name, value in cell.items())
    return Text(printable(str(cell)))


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
    last, said_at = 0, time.monotonic()

    def plain(done: int, total: int | None) -> None:
        nonlocal last, said_at
        last = done
        if time.monotonic() - said_at >= _PLAIN_EVERY_SECONDS:
            said_at = time.monotonic()
            people.print(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))

    yield plain
    people.print(f"{what}: {last:,} done")


def quiet() -> None:
    """Libraries say what is wrong, not what they are doing: Dagster and dbt write their own logs."""
    from ingest_workers import logs

    logs.configure(level=logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.WARNING)
