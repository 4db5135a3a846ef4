"""The DuckDB file: who may write, what a reader sees, and the catalogue that belongs to it.

Belongs here: connection, cursors, transactions, the one writer lock.
Does not: any SQL about tables or extents.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from local_azure.kusto import catalogue
from local_azure.kusto.catalogue import Catalogue
from local_azure.kusto.errors import EntityNotFoundError

DEFAULT_ALIAS = "NetDefaultDB"


class StoreBusyError(Exception):
    """Another process has the database file open."""


class Transaction:
    """A writer's view: everything done through `cursor` becomes visible at once, or never."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, before: Catalogue) -> None:
        self.cursor = cursor
        self.catalogue = before
        self.catalogue_changed = False

    def reload(self) -> None:
        """Take notice of a change to tables or functions made in this transaction."""
        self.catalogue = catalogue.load(self.cursor)
        self.catalogue_changed = True


class Store:
    """One database in one file. Readers get their own cursor and snapshot, writers queue for the lock."""

    def __init__(self, folder: Path, database: str) -> None:
        self.database = database
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # Replacement scans would let an unknown table name read a file or a Python variable.
            self._connection = duckdb.connect(
                str(folder / "kusto.duckdb"), config={"python_enable_replacements": False}
            )
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise StoreBusyError(str(error).splitlines()[0]) from error
            raise
        self._connection.execute(catalogue.BOOTSTRAP)
        self._writer = threading.RLock()
        self._opening = threading.Lock()
        self.catalogue = catalogue.load(self._connection)

    def check_database(self, name: str | None) -> None:
        """Refuse a database that is not this one; no name means this one."""
        if name and name not in (self.database, DEFAULT_ALIAS):
            raise EntityNotFoundError("Database", name)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._opening:  # cursor() is a call on the shared connection too
            cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor with the state of the last commit."""
        cursor = self._cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that commits when the block ends and leaves no trace when it raises."""
        with self._writer:
            cursor = self._cursor()
            try:
                cursor.execute("BEGIN TRANSACTION")
                transaction = Transaction(cursor, self.catalogue)
                try:
                    yield transaction
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
                if transaction.catalogue_changed:
                    self.catalogue = transaction.catalogue
            finally:
                cursor.close()

    def close(self) -> None:
        """Fold the log into the file and let it go."""
        with self._writer:
            # A query that is still running forbids it; the log is then read at the next start.
            with suppress(duckdb.Error):
                self._connection.execute("CHECKPOINT")
            self._connection.close()
