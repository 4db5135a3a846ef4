"""The staging schema of a SQL Server, made and migrated from the contracts.

Belongs here: which statements bring it to the contracts, and the side schema that bulk copies land in.
Does not: their text (`quality.contracts.sqlserver`), or filling tables (`swap`).
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from assets.warm import state
from assets.warm.engine import Session
from assets.warm.migration import Found, missing_columns
from quality.contracts.model import Table
from quality.contracts.sqlserver import add_columns, clustered_index, create_table, sqlserver_type
from quality.contracts.warm import SCHEMA, STAGED, STAGING_DATE_STATE

SIDE_SCHEMA = "staging_load"
"""Where bulk copies land before they are swapped in. Nothing in it outlives a load."""
_log = logging.getLogger(__name__)
_REMEDY = (
    "The warm tier holds nothing that Gold does not: drop that table, then materialise the warm assets; every date of "
    "its lane is loaded again."
)
_COLUMNS = (
    "select TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, DATETIME_PRECISION, IS_NULLABLE"
    " from INFORMATION_SCHEMA.COLUMNS where TABLE_SCHEMA = ?"
)
_CLUSTERED = {staged.table.name: (staged.date_column,) for staged in STAGED if staged.date_column} | {
    STAGING_DATE_STATE.name: STAGING_DATE_STATE.key
}
"""What each table lies sorted by: dates are deleted and read together. Tables staged whole are heaps."""


def prepare(session: Session) -> None:
    """Create what is missing, add columns the contracts have gained. Raises: StagingDriftError for anything else."""
    described = session.execute(_COLUMNS, [SCHEMA])
    held = {str(row[0]) for row in described}
    if not held:
        _create_schemas(session)
    for table in state.TABLES:
        name = f"{SCHEMA}.[{table.name}]"
        if table.name in held:
            found = [_found(row) for row in described if row[0] == table.name]
            gained = missing_columns(
                table, f"{SCHEMA}.{table.name}", found, partial(sqlserver_type, table), remedy=_REMEDY
            )
            if gained:
                session.execute(add_columns(table, name, gained))
            continue
        session.execute(create_table(table, name))
        if table.name in _CLUSTERED:
            session.execute(clustered_index(table, name, _CLUSTERED[table.name]))
    if STAGING_DATE_STATE.name in held:
        for lane in state.lanes_of(table for table in state.TABLES if table.name not in held):
            state.forget(session, lane)


def drop_sides(session: Session) -> None:
    """Leave nothing of this load, nor of one that was killed: whoever holds the lock is the only loader."""
    found = session.execute("select TABLE_NAME from INFORMATION_SCHEMA.TABLES where TABLE_SCHEMA = ?", [SIDE_SCHEMA])
    for (name,) in found:
        session.execute(f"drop table {SIDE_SCHEMA}.[{name}]")


def _create_schemas(session: Session) -> None:
    for schema in (SCHEMA, SIDE_SCHEMA):
        session.execute(
            f"if not exists (select 1 from sys.schemas where name = N'{schema}') exec(N'create schema [{schema}]')"
        )
    if session.execute("select case when N'a' = N'A' then 1 else 0 end") == [(1,)]:
        _log.warning(
            "the database compares texts without regard to case: device ids that differ in case only fall together. "
            "Create it with a collation such as Latin1_General_100_CS_AS_SC_UTF8 (docs/warm.md)"
        )


def _found(row: tuple[Any, ...]) -> Found:
    """A column of INFORMATION_SCHEMA with its type as the contract would write it."""
    _, name, kind, length, precision, null = row
    size = {"nvarchar": length, "varchar": length, "datetime2": precision}.get(kind)
    return Found(name=name, type=kind if size is None else f"{kind}({size})", null=null == "YES")


def create_side(session: Session, table: Table, name: str) -> None:
    """An empty heap of the table's columns to copy into, beside the schema that dbt reads."""
    session.execute(create_table(table, name))
