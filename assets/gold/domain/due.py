"""Which dates of the subject tables are due, and from what each is made.

Belongs here: for each date and table a hash of all that its rows are made from (batches of the Gold dates it looks at,
batch and register of the flags, what the register says of the date, whether the day has been heard to its end),
compared with the plan that made them. Nothing is remembered elsewhere.
Does not: making them (`load`).

A register that is corrected makes exactly the dates due that it says something else of: what is hashed of it is cut to
the date, so a version that ends later leaves the dates before its end alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

import duckdb

from assets.date_state import loaded
from assets.gold.domain.register import TWINS, placed
from assets.gold.domain.subject import Subject
from assets.gold.domain.subjects import SUBJECTS
from assets.silver.entities.read import history
from assets.silver.entities.sums_by_day import SumsByDay
from assets.silver.flags.state import raised_under
from assets.silver.snapshot import snapshot
from lake.store import Lake
from quality.contracts.domain_limits import HEALTH_LIMITS
from quality.contracts.domain_tables import DOMAIN_LOADS
from quality.contracts.entities import DIGITAL_TWIN
from quality.contracts.tables import BATCHES
from settings.clock import now

Inputs = dict[str, str]
"""Table to hash."""
_FIRST = date(2000, 1, 1)
_DAY = timedelta(days=1)

# A version counts on every date it overlaps; where it begins and ends counts on these dates alone.
_STEPS = """
WITH said AS (
    SELECT md5_number_lower(CAST({named} AS VARCHAR)) AS attributes, valid_from, valid_to,
        md5_number_lower(concat({named}, 'from', valid_from)) AS beginning,
        md5_number_lower(concat({named}, 'to', valid_to)) AS ending
    FROM versions
), steps AS (
    SELECT CAST(valid_from AS DATE) AS day, CAST(attributes AS HUGEINT) AS step FROM said
    UNION ALL SELECT CAST(valid_to - INTERVAL 1 microsecond AS DATE) + 1, -CAST(attributes AS HUGEINT) FROM said
        WHERE valid_to IS NOT NULL
    UNION ALL SELECT CAST(valid_from AS DATE), beginning FROM said
    UNION ALL SELECT CAST(valid_from AS DATE) + 1, -CAST(beginning AS HUGEINT) FROM said
    UNION ALL SELECT CAST(valid_to AS DATE), ending FROM said WHERE valid_to IS NOT NULL
    UNION ALL SELECT CAST(valid_to AS DATE) + 1, -CAST(ending AS HUGEINT) FROM said WHERE valid_to IS NOT NULL
)
SELECT day, CAST(sum(step) AS HUGEINT) AS step FROM steps GROUP BY day ORDER BY day
"""


def inputs(lake: Lake, only: Iterable[date] | None = None) -> dict[date, Inputs]:
    """From what each date (of `only`, else each that there is) would be made now."""
    readings, flags, judged = loaded(lake, "readings"), loaded(lake, "flags"), raised_under(lake)
    if not readings:
        return {}
    days = _candidates(readings)
    register, twins, heard = _register(lake), _twins(lake), heard_until(lake)
    last = max(readings)

    def of(subject: Subject, day: date) -> str | None:
        looked_at = [readings.get(day + n * _DAY) for n in range(-subject.back, subject.ahead + 1)]
        if not any(looked_at) or (day > last and not subject.is_local):
            return None
        around = range(-1, 2) if subject.is_local else range(1)
        parts: list[object] = [looked_at]
        if "doubts" in subject.reads:
            parts.append((flags.get(day), judged.get(day)))
        if "register" in subject.reads:
            parts.append([register.of(day + n * _DAY) for n in around])
        if "twins" in subject.reads:
            parts.append(twins.of(day))
        if "heard" in subject.reads:
            parts.append(heard >= datetime.combine(day + _DAY, time(), UTC))
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    wanted = days if only is None else [day for day in sorted(set(only)) if day in days]
    made = {day: {s.table.name: found for s in SUBJECTS if (found := of(s, day))} for day in wanted}
    return {day: found for day, found in made.items() if found}


def due(lake: Lake) -> dict[date, Inputs]:
    """Dates whose rows would be made from something else now, with the tables of which that is so."""
    held = made_from(lake)
    found = {day: changed(now_, held.get(day, {})) for day, now_ in inputs(lake).items()}
    return {day: tables for day, tables in found.items() if tables}


def changed(wanted: Inputs, held: Inputs) -> Inputs:
    """Tables that are made from something else now, with their hash."""
    return {name: of for name, of in wanted.items() if held.get(name) != of}


def dirty_domain_dates(lake: Lake) -> dict[date, int]:
    """Dates that are due, with the newest Silver batch behind them."""
    dates = due(lake)
    if not dates:
        return {}
    readings = loaded(lake, "readings")
    newest = max(readings.values())
    return {day: readings.get(day, newest) for day in dates}


def made_from(lake: Lake) -> dict[date, Inputs]:
    """From what each date was made; a date whose newest plan was not carried out is made from nothing."""
    if not lake.exists(DOMAIN_LOADS):
        return {}
    lake_id, done = lake.identity(), loaded(lake, "domain")
    rows = lake.rows(DOMAIN_LOADS, columns=["load", "date", "lake_id", "inputs"]).to_pylist()
    newest = {row["date"]: row for row in sorted(rows, key=lambda row: row["load"]) if row["lake_id"] == lake_id}
    return {day: dict(row["inputs"]) if done.get(day) == row["load"] else {} for day, row in newest.items()}


def heard_until(lake: Lake) -> datetime:
    """Up to when Silver has heard what the hub took in: enqueued_at of the newest event it has processed."""
    silver = snapshot(lake)
    if silver is None:
        return datetime.combine(_FIRST, time(), UTC)
    reached = lake.rows(BATCHES, columns=["batch", "reached"]).to_pylist()
    micros = [at for row in reached if row["batch"] <= silver.batch for _, at in row["reached"]]
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=max(micros, default=0))


def _candidates(readings: Mapping[date, int]) -> dict[date, None]:
    """Dates with readings, a local day's neighbours, and the days after on which a silence is news; in order."""
    last = max(readings)
    last = max(last, min(last + _DAY, now().date() + _DAY))
    near = {day + n * _DAY for day in readings for n in range(-1, HEALTH_LIMITS.look_back_days + 1)}
    return dict.fromkeys(sorted(day for day in near if _FIRST <= day <= last))


def _register(lake: Lake) -> SumsByDay:
    with duckdb.connect() as db:
        placed(db, lake)
        return _said(db, "(device_id, site_id, time_zone, is_expected, interval_s)", "register")


def _twins(lake: Lake) -> SumsByDay:
    with duckdb.connect() as db:
        db.register("twins", history(lake, DIGITAL_TWIN, TWINS))
        return _said(db, "(twin_id, device_id)", "twins")


def _said(db: duckdb.DuckDBPyConnection, named: str, relation: str) -> SumsByDay:
    db.execute("SET TimeZone = 'UTC'")
    db.execute(f"CREATE OR REPLACE TEMP VIEW versions AS FROM {relation}")
    return SumsByDay.of_steps(db.execute(_STEPS.format(named=named)).fetchall())
