"""Subject tables, made for whole dates.

Belongs here: one load from plan to the last commit. A load is planned first, with a number of its own and what each
date is made from; each table's dates are replaced in one commit that bears the number, so a process that was thought
dead and was not cannot write over a later one. A date is done when `gold.date_state` says so.
Does not: the queries (a module a table), which dates are due (`due`), or Dagster (`asset`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from assets.date_state import record, replace_dates
from assets.gold.domain.desk import Desk
from assets.gold.domain.due import Inputs, changed, heard_until, inputs, made_from
from assets.gold.domain.relations import LAY
from assets.gold.domain.subject import Subject
from assets.gold.domain.subjects import SUBJECTS
from assets.silver.snapshot import snapshot
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.domain_tables import DOMAIN_LOADS
from settings.clock import now
from settings.failpoints import reach

APP_ID = "gold/domain_loads"
DATES_AT_ONCE = 7
"""Dates that are laid out and committed together."""


@dataclass(frozen=True)
class DomainLoad:
    """What a load wrote: its number (0: nothing was due), its dates, and rows and dates per table."""

    number: int = 0
    dates: tuple[date, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    written: dict[str, tuple[date, ...]] = field(default_factory=dict)


def load_domain(
    lake: Lake,
    dates: Sequence[date],
    *,
    again: bool = False,
    spill: Path | None = None,
    said: Callable[[str], None] = lambda _: None,
) -> DomainLoad:
    """Bring these dates to what Gold, flags and register hold now; tables of a date that hold it are left alone.

    `again`: also those, because formulas or limits are others now.
    """
    silver = snapshot(lake)
    if silver is None:
        return DomainLoad()
    # Read before the rows: rows that are newer than their label are made once more, rows that are older would be kept.
    heard, made_now, held = heard_until(lake), inputs(lake, dates), made_from(lake)
    wanted = {day: found if again else changed(found, held.get(day, {})) for day, found in made_now.items()}
    due = sorted(day for day, tables in wanted.items() if tables)
    if not due:
        return DomainLoad()
    number, lake_id = _plan(lake, {day: made_now[day] for day in due}), lake.identity()
    reach("domain.after_plan")
    rows: dict[str, int] = {}
    written: dict[str, tuple[date, ...]] = {}
    for group in _groups(due):
        counted = dict.fromkeys(group, 0)
        with Desk(lake, silver, group, LAY, heard=heard, spill=spill) as desk:
            for subject in SUBJECTS:
                of_table = [day for day in group if subject.table.name in wanted[day]]
                if not of_table:
                    continue
                found = desk.rows(subject, of_table)
                done = replace_dates(
                    lake, lake_id, subject.table, of_table, batch=number, rows=_Of(subject, found), again=again
                )
                name = subject.table.name
                rows[name] = rows.get(name, 0) + found.num_rows
                written[name] = (*written.get(name, ()), *done)
                for day in of_table:
                    counted[day] += _Of(subject, found)([day]).num_rows
                reach(f"domain.after_{name}")
        record(lake, lake_id, "domain", number, counted)
        said(f"{due.index(group[-1]) + 1} of {len(due)} dates: up to {group[-1]}")
    return DomainLoad(number, tuple(due), rows, written)


def _groups(dates: Sequence[date]) -> list[list[date]]:
    """Neighbours together: what is read for a group spans its first date to its last."""
    groups: list[list[date]] = []
    for day in dates:
        if groups and (day - groups[-1][0]).days < DATES_AT_ONCE:
            groups[-1].append(day)
        else:
            groups.append([day])
    return groups


@dataclass(frozen=True)
class _Of:
    subject: Subject
    rows: pa.Table

    def __call__(self, dates: Sequence[date]) -> pa.Table:
        (day,) = self.subject.table.partition_by
        return self.rows.filter(pc.field(day).isin(list(dates)))


def _plan(lake: Lake, made: dict[date, Inputs]) -> int:
    """Claim the next number for these dates."""
    lake_id, planned_at = lake.identity(), now()

    def attempt(target: DeltaTable) -> int:
        number = int(target.transaction_version(APP_ID) or 0) + 1
        rows = [
            {"load": number, "date": day, "lake_id": lake_id, "inputs": sorted(of.items()), "planned_at": planned_at}
            for day, of in sorted(made.items())
        ]
        table = pa.Table.from_pylist(rows, schema=arrow_schema(DOMAIN_LOADS))
        write(target, table, {APP_ID: number}, metadata={APP_ID: number})
        return number

    return on_fresh_table(lake, DOMAIN_LOADS, attempt)
