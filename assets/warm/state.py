"""What the warm tier knows of itself: which batch of a date is staged, what is built of it, and by which models.

Belongs here: reading and writing `staging.date_state` and the fingerprint, in SQL that both engines take.
Does not: when to call it (`staging`, `build`), or the rows themselves (the engines).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from assets.warm.engine import NotPublishableError, Session
from quality.contracts.model import Column, Table
from quality.contracts.warm import SCHEMA, SOURCES, STAGED, STAGING_DATE_STATE, Lane

STATE = f"{SCHEMA}.{STAGING_DATE_STATE.name}"
BUILT_WITH = Table(
    layer="warm",
    name="built_with",
    says="By which models the marts were built last.",
    columns=(Column(name="fingerprint", type="string", says="Hash of the dbt project and its options."),),
    key=("fingerprint",),
)
PUBLICATION = Table(
    layer="warm",
    name="publication",
    says="One row: whether the marts are of one build. Readers of a server, which has one copy of them, look here.",
    columns=(
        Column(
            name="building_since",
            type="timestamp",
            says="When the build at work began, or the one that failed; null while the marts are of one build.",
            null=True,
        ),
        Column(name="complete_since", type="timestamp", says="When the last whole build passed its tests.", null=True),
    ),
    key=(),
)
TABLES = (*SOURCES, BUILT_WITH, PUBLICATION)
"""Every table of the staging schema. The last two are not for dbt."""
LANES: tuple[Lane, ...] = tuple(dict.fromkeys(staged.lane for staged in STAGED))
MARTS = "marts"
Taken = tuple[str, date, str, int]
"""Lane, date, lake and batch: what exactly was staged when a build began."""
_PARAMETERS = 2000
"""Of one statement; SQL Server takes 2,100."""


def mark(session: Session, lake_id: str, lane: Lane, batches: Mapping[date, int | None], loaded_at: datetime) -> None:
    """Label the dates as staged and not built; one that neither Gold nor the warm tier knows needs no label."""
    held = {day for (day,) in session.execute(f"select date from {STATE} where lane = ?", [lane])}
    for some in _chunks(sorted(batches), 1):
        session.execute(f"delete from {STATE} where lane = ? and date in ({_marks(some)})", [lane, *some])
    fresh = [
        (lane, day, lake_id, batch or 0, loaded_at)
        for day, batch in batches.items()
        if batch is not None or day in held
    ]
    for rows in _chunks(fresh, 5):
        # built_batch is left out: it is null until the marts hold the date.
        session.execute(
            f"insert into {STATE} (lane, date, lake_id, silver_batch, loaded_at) values {_tuples(rows)}", _flat(rows)
        )


def marked(session: Session, loaded_at: datetime) -> bool:
    """Whether the load that stamps its dates with this instant was committed."""
    return session.execute(f"select count(*) from {STATE} where loaded_at = ?", [loaded_at]) != [(0,)]


def lanes_of(tables: Iterable[Table]) -> set[Lane]:
    """The lanes that the staged ones among the tables belong to."""
    names = {table.name for table in tables}
    return {staged.lane for staged in STAGED if staged.table.name in names}


def forget(session: Session, lane: Lane) -> None:
    """Take every date of the lane as not staged: a table of it has just been made and holds none."""
    session.execute(f"delete from {STATE} where lane = ?", [lane])


def built(session: Session) -> dict[tuple[str, date], tuple[str, int]]:
    """Lake and batch that the marts hold, by lane and date."""
    found = session.execute(f"select lane, date, lake_id, built_batch from {STATE} where built_batch is not null")
    return {(lane, day): (lake_id, batch) for lane, day, lake_id, batch in found}


def newest_built(session: Session) -> tuple[datetime | None, date | None]:
    """When the newest of what the marts hold was staged, and the newest date among them; UTC without a zone."""
    found = session.execute(f"select max(loaded_at), max(date) from {STATE} where built_batch is not null")
    at, newest = found[0]
    return at, newest


def take_on(
    session: Session, fingerprint: str, dates: Collection[date], began_at: datetime
) -> tuple[tuple[Taken, ...], bool]:
    """What a build has to build, `dates` again included, and whether from scratch: models are not the last build's."""
    full = session.execute(f"select fingerprint from {SCHEMA}.built_with") != [(fingerprint,)]
    if full:
        session.execute(f"update {STATE} set built_batch = null")
    else:
        for some in _chunks(sorted(set(dates)), 1):
            session.execute(f"update {STATE} set built_batch = null where date in ({_marks(some)})", some)
    staged = session.execute(
        f"select lane, date, lake_id, silver_batch from {STATE} where built_batch is null order by lane, date"
    )
    complete = session.execute(f"select complete_since from {SCHEMA}.publication")
    _show(session, began_at, complete[0][0] if complete else None)
    return tuple((lane, day, lake_id, batch) for lane, day, lake_id, batch in staged), full


def set_built(session: Session, taken: Sequence[Taken], fingerprint: str, ended_at: datetime) -> None:
    """The marts hold exactly `taken`: a date that was loaded again meanwhile is not in them yet."""
    for rows in _chunks(taken, 4):
        session.execute(
            f"update {STATE} set built_batch = silver_batch where exists (select 1 from (values {_tuples(rows)})"
            " as taken (lane, day, lake, batch) where taken.lane = date_state.lane and taken.day = date_state.date"
            " and taken.lake = date_state.lake_id and taken.batch = date_state.silver_batch)",
            _flat(rows),
        )
    session.execute(f"delete from {SCHEMA}.built_with")
    session.execute(f"insert into {SCHEMA}.built_with values (?)", [fingerprint])
    _show(session, None, ended_at)


def _show(session: Session, building_since: datetime | None, complete_since: datetime | None) -> None:
    # A null is written as one: for a parameter without a value the driver asks the server which type it has.
    instants = (building_since, complete_since)
    values = ", ".join("null" if instant is None else "?" for instant in instants)
    session.execute(f"delete from {SCHEMA}.publication")
    session.execute(
        f"insert into {SCHEMA}.publication values ({values})", [instant for instant in instants if instant is not None]
    )


def publishable(session: Session) -> dict[str, int]:
    """Rows per mart of a build that readers may see. Raises: NotPublishableError."""
    if not session.execute(f"select fingerprint from {SCHEMA}.built_with"):
        raise NotPublishableError("The warm tier has not been built yet. Run its dbt assets first.")
    waiting = session.execute(f"select count(distinct date) from {STATE} where built_batch is null")[0][0]
    if waiting:
        raise NotPublishableError(
            f"{waiting} staged date{'s' * (waiting > 1)} not in the marts: dbt has failed, was killed or has not run "
            "since they were loaded. Run the warm dbt assets; when their tests pass, publish again."
        )
    return mart_rows(session)


def mart_rows(session: Session) -> dict[str, int]:
    """Rows per mart, by name."""
    names = session.execute(
        "select TABLE_NAME from INFORMATION_SCHEMA.TABLES where TABLE_SCHEMA = ? order by TABLE_NAME", [MARTS]
    )
    return {name: int(session.execute(f'select count(*) from {MARTS}."{name}"')[0][0]) for (name,) in names}


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _tuples(rows: Sequence[Sequence[Any]]) -> str:
    return ", ".join(f"({_marks(row)})" for row in rows)


def _flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def _chunks(values: Sequence[Any], parameters: int) -> Iterator[Sequence[Any]]:
    size = _PARAMETERS // parameters
    for start in range(0, len(values), size):
        yield values[start : start + size]
