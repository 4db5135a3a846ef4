"""The warm tier in DuckDB: a build file, and a published one that replaces it by a rename.

Belongs here: staging swapped in a transaction of the build file, and its publication. A reader that has the old file
open keeps reading it; the next one opens the new.
Does not: where the files lie and who may write (`database`), or what is asked of an engine (`engine`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import Any

import duckdb

from assets.warm import state
from assets.warm.database import build_database, reading, writing
from assets.warm.engine import Incoming, Mark, NotPublishableError, Publication, Rows, Session, T
from assets.warm.migration import Found, missing_columns
from lake.files import sync
from quality.contracts.duckdb import add_column, create_table, duckdb_type
from quality.contracts.model import Table
from quality.contracts.warm import SCHEMA
from settings.failpoints import reach
from settings.model import Settings

_REMEDY = (
    "The warm tier holds nothing that Gold does not: delete warm.build.duckdb and warm.duckdb, then materialise the "
    "warm assets; every date is loaded again."
)


class DuckdbSession:
    """A connection to one of the files."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """The rows of a statement; none where it returns none."""
        return self.connection.execute(sql, list(parameters)).fetchall()


class DuckdbEngine:
    """Two files in the home. One process writes; readers never wait."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.location = str(settings.warm_database)

    def load(self, incoming: Sequence[Incoming], mark: Mark) -> dict[str, int]:
        """Delete, insert, count and mark in one transaction of the build file."""

        def work(session: DuckdbSession) -> dict[str, int]:
            rows = {part.staged.table.name: _replace(session.connection, part) for part in incoming}
            mark.write(session)
            reach("warm.before_commit")
            return rows

        return self.write(work)

    def write(self, work: Callable[[DuckdbSession], T]) -> T:
        """Run `work` in a transaction of the build file; what it raises leaves the file as it was."""
        with writing(self.settings) as connection:
            session = DuckdbSession(connection)
            connection.execute("begin")
            _prepare(session)
            result = work(session)
            connection.execute("commit")
        return result

    def read(self, work: Callable[[DuckdbSession], T]) -> T:
        """Run `work` on the published file, read-only."""
        with reading(self.settings) as connection:
            return work(DuckdbSession(connection))

    def variables(self) -> dict[str, str | bool]:
        """The project's defaults are of DuckDB."""
        return {}

    def close(self, session: Session) -> None:
        """Readers have a file of their own."""

    def publish(self) -> Publication:
        """Replace the published file by a checked copy of the build, atomically."""
        published = self.settings.warm_database
        copy = published.with_name("warm.next.duckdb")
        with writing(self.settings) as connection:
            session = DuckdbSession(connection)
            _prepare(session)
            rows = state.publishable(session)
            # Everything out of the write-ahead log and into the file; held open, so that no other writer begins.
            connection.execute("force checkpoint")
            shutil.copyfile(build_database(self.settings), copy)
        with duckdb.connect(str(copy), read_only=True) as check:
            if state.mart_rows(DuckdbSession(check)) != rows:
                raise NotPublishableError(f"{copy} is no true copy of the build. Is the disk full? Publish again.")
        sync(copy)
        reach("warm.before_publish")
        copy.replace(published)
        sync(published.parent)
        return Publication(location=self.location, rows=rows)


def _prepare(session: DuckdbSession) -> None:
    """Create what is missing of the staging schema, add columns it has gained, and refuse one of another contract."""
    session.execute(f"create schema if not exists {SCHEMA}")
    described = session.execute(
        "select table_name, column_name, lower(data_type), is_nullable = 'YES' from information_schema.columns"
        " where table_schema = ?",
        [SCHEMA],
    )
    made: list[Table] = []
    for table in state.TABLES:
        found = [Found(column, kind, null) for name, column, kind, null in described if name == table.name]
        if not found:
            session.execute(create_table(table, SCHEMA))
            made.append(table)
            continue
        for column in missing_columns(table, f"{SCHEMA}.{table.name}", found, duckdb_type, _REMEDY):
            session.execute(add_column(table, SCHEMA, column))
    for lane in state.lanes_of(made):
        state.forget(session, lane)


def _replace(connection: duckdb.DuckDBPyConnection, incoming: Incoming) -> int:
    staged = incoming.staged
    where, parameters = "", list[Any]()
    if not incoming.whole:
        where, parameters = f" where {staged.date_column} in (select unnest(?::date[]))", [list(incoming.dates)]
    connection.execute(f"delete from {staged.name}{where}", parameters)
    reach("warm.after_delete")
    rows = incoming.read() if incoming.whole or incoming.dates else None
    if rows is not None:
        connection.register("incoming", rows.reader())
        columns = ", ".join(f'"{name}"' for name in staged.table.names)
        connection.execute(f"insert into {staged.name} ({columns}) select {columns} from incoming")
        connection.unregister("incoming")
    held = connection.execute(f"select count(*) from {staged.name}{where}", parameters).fetchall()[0][0]
    return incoming.reconcile(rows.rows if rows else 0, int(held))
