"""A run of the simulator while it runs: a bar with figures on a terminal, a plain line each few seconds elsewhere.

Belongs here: how `simulator.statistics` look to a person.
Does not: the figures themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from orchestration.cli.show import people

if TYPE_CHECKING:
    from simulator.statistics import Statistics

_PLAIN_EVERY_SECONDS = 5.0
_LATE_SECONDS = 1.0
"""A run within this of its plan is on time: events are sent in slices."""


@contextmanager
def live() -> Iterator[Callable[[Statistics], None]]:
    """Call it with the statistics whenever they changed."""
    if people.is_terminal:
        columns = (TextColumn("sent"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with Progress(*columns, TimeElapsedColumn(), console=people) as bars:
            task = bars.add_task("", total=None)
            yield lambda now: bars.update(
                task, completed=now.acknowledged, total=now.total, description=figures(now, brief=True)
            )
        return
    said_at = time.monotonic()
    last: Statistics | None = None

    def plain(now: Statistics) -> None:
        nonlocal last, said_at
        last = now
        if time.monotonic() - said_at >= _PLAIN_EVERY_SECONDS:
            said_at = time.monotonic()
            people.print(figures(now))

    yield plain
    if last is not None:
        people.print(figures(last))


def figures(now: Statistics, *, brief: bool = False) -> str:
    """One line: how much, how fast, how often again, how late. `brief` leaves out what a bar shows."""
    events, size = now.speed()
    behind, seconds = now.lag()
    of = f" of {now.total:,}" if now.total else ""
    parts = [] if brief else [f"acknowledged {now.acknowledged:,}{of}", f"sent {now.sent:,}"]
    parts += [f"{events:,.0f}/s", f"{size / 1e6:.2f} MB/s", f"{now.retries:,} retries"]
    if now.repeated:
        parts.append(f"{now.repeated:,} sent again")
    if now.rate is not None:
        late = seconds >= _LATE_SECONDS
        parts.append(f"{behind:,} behind plan ({seconds:.1f} s)" if late else "on plan")
    return ", ".join(parts)
