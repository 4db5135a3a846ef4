"""A session's transaction: what @@TRANCOUNT counts, and what the driver is told about it.

Belongs here: begin, commit and roll back over the engine's one transaction, implicit ones, statements that are whole.
Does not: when a statement runs (`session`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb
from tds_endpoint import tokens
from tds_endpoint.errors import SqlError

DESCRIPTORS = itertools.count(0x1000)
OPENS_IMPLICITLY = frozenset(
    ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE", "WITH"]
)


class Transactions:
    """The transaction of one session."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tell: Callable[[bytes], None]) -> None:
        self._connection = connection
        self._tell = tell
        self._descriptor = 0
        self.count = 0
        self.implicit = False

    def begin(self) -> None:
        """BEGIN TRANSACTION; a nested one only counts."""
        if self.count == 0:
            self._connection.execute("BEGIN")
            self._descriptor = next(DESCRIPTORS)
            self._tell(tokens.transaction_began(self._descriptor))
        self.count += 1

    def begin_implicitly(self, keyword: str) -> None:
        """What IMPLICIT_TRANSACTIONS makes of a statement outside a transaction."""
        if self.implicit and self.count == 0 and keyword in OPENS_IMPLICITLY:
            self.begin()

    def commit(self) -> None:
        """COMMIT; only the outermost does."""
        if self.count == 0:
            raise SqlError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.count -= 1
        if self.count:
            return
        try:
            self._connection.execute("COMMIT")
        except duckdb.Error:
            self._tell(tokens.transaction_ended(self._descriptor, committed=False))
            raise
        self._tell(tokens.transaction_ended(self._descriptor, committed=True))

    def rollback(self) -> None:
        """ROLLBACK; always the whole."""
        if self.count == 0:
            raise SqlError(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.count = 0
        with suppress(duckdb.Error):
            self._connection.execute("ROLLBACK")
        self._tell(tokens.transaction_ended(self._descriptor, committed=False))

    def is_dead(self) -> bool:
        """Whether the engine has given the transaction up."""
        try:
            self._connection.execute("SELECT 1")
        except duckdb.Error:
            return True
        return False

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Several statements of the engine that are one for the client."""
        if self.count:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
