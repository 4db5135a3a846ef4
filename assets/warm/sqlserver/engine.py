"""The warm tier in a SQL Server, or what speaks like one.

Belongs here: one writer at a time, transactions begun again after what passes, and a commit whose answer was lost.
The marts are in one copy: a build changes them model by model, each at once, and `staging.publication` says whether
they are of one build (docs/warm.md).
Does not: connecting (`connection`), DDL (`schema`), moving rows (`swap`), or which errors pass (`transient`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import stamina

from assets.warm import access, state
from assets.warm.engine import Incoming, Mark, Publication, Session, T, WarmBusyError, WarmMissingError
from assets.warm.sqlserver.connection import SqlServerSession, connected
from assets.warm.sqlserver.schema import drop_sides, prepare
from assets.warm.sqlserver.swap import copy_aside, swap_in
from assets.warm.sqlserver.transient import SqlServerError, is_cut, is_transient
from quality.contracts.warm import SCHEMA, STAGING_DATE_STATE
from settings.failpoints import reach
from settings.warm import Warm

BABELFISH: dict[str, str | bool] = {
    "columnstore": False,
    "query_label": False,
    "create_or_alter": False,
    "exact_collation": "Latin1_General_100_BIN2",
}
_LOCK = "lakehouse.warm"
_log = logging.getLogger(__name__)


class CommitUnknownError(SqlServerError):
    """The connection went away while a commit was sent."""


class SqlServerEngine:
    """A database of a server. Writers wait for each other; readers for nobody where it keeps row versions."""

    def __init__(self, warm: Warm) -> None:
        self.warm = warm
        self.location = f"{warm.server},{warm.port}/{warm.database}"

    def load(self, incoming: Sequence[Incoming], mark: Mark) -> dict[str, int]:
        """Copy aside, then delete, insert, count and mark in one transaction."""
        sent: dict[str, int] | None = None

        def attempt(session: SqlServerSession) -> dict[str, int]:
            nonlocal sent
            prepare(session)
            if sent is not None and mark.there(session):
                return sent  # the last attempt did commit: only its answer was lost
            sent = None
            drop_sides(session)
            copied = [copy_aside(session, part, self.warm.copy_streams) for part in incoming]
            reach("warm.after_copy")

            def swap(within: Session) -> dict[str, int]:
                nonlocal sent
                rows = {part.incoming.staged.table.name: swap_in(within, part) for part in copied}
                mark.write(within)
                reach("warm.before_commit")
                sent = rows
                return rows

            rows = _transaction(session, swap)
            drop_sides(session)
            return rows

        return self._attempts(attempt)

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in one transaction; after an error that passes, from its beginning."""

        def attempt(session: SqlServerSession) -> T:
            prepare(session)
            return _transaction(session, work)

        return self._attempts(attempt)

    def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on the database as it is, without a lock of ours."""
        for turn in self._retries():
            with turn, connected(self.warm) as session:
                if not session.execute(
                    "select 1 from INFORMATION_SCHEMA.TABLES where TABLE_SCHEMA = ? and TABLE_NAME = ?",
                    [SCHEMA, STAGING_DATE_STATE.name],
                ):
                    raise WarmMissingError(
                        f"{self.location}: nothing has been published. Materialise the warm assets first."
                    )
                return work(session)
        raise AssertionError("unreachable: the last attempt raises")

    def variables(self) -> dict[str, str | bool]:
        """What Babelfish lacks: it is known by a property of its own, so that nobody has to say so.

        It has no collation of UTF-8 either, because it keeps no other texts.
        """
        for turn in self._retries():
            with turn, connected(self.warm) as session:
                told = session.execute("select convert(int, serverproperty('babelfish')) as babelfish")
                return dict(BABELFISH) if told == [(1,)] else {}
        raise AssertionError("unreachable: the last attempt raises")

    def close(self, session: Session) -> None:
        """Facts are about to be made anew, without their filter."""
        access.close(session)

    def publish(self) -> Publication:
        """Check that the marts are those of a whole build: finishing it has already said so to readers."""
        reach("warm.before_publish")

        def work(session: Session) -> dict[str, int]:
            rows = state.publishable(session)
            access.reopen(session, access.facts)
            return rows

        return Publication(location=self.location, rows=self.write(work))

    def _attempts(self, attempt: Callable[[SqlServerSession], T]) -> T:
        for turn in self._retries():
            with turn, self._alone() as session:
                return attempt(session)
        raise AssertionError("unreachable: the last attempt raises")

    def _retries(self) -> Iterable[stamina.Attempt]:
        return stamina.retry_context(
            on=is_transient, attempts=self.warm.attempts, timeout=None, wait_initial=0.5, wait_max=30.0, wait_jitter=1.0
        )

    @contextmanager
    def _alone(self) -> Iterator[SqlServerSession]:
        """A connection that holds the writers' lock; it goes with the connection, however that ends."""
        with connected(self.warm) as session:
            granted = session.execute(
                f"declare @granted int; exec @granted = sp_getapplock @Resource = N'{_LOCK}',"
                " @LockMode = N'Exclusive', @LockOwner = N'Session',"
                f" @LockTimeout = {int(self.warm.lock_seconds * 1000)}; select @granted as granted"
            )
            if granted[0][0] < 0:
                raise WarmBusyError(
                    f"{self.location} is being written by another process; waited {self.warm.lock_seconds:g} s. "
                    "Let that load end, or stop it, then run again."
                )
            yield session


def _transaction(session: SqlServerSession, work: Callable[[Session], T]) -> T:
    """What `work` raises rolls back. Raises: CommitUnknownError."""
    session.execute("begin transaction")
    try:
        result = work(session)
    except BaseException:
        with suppress(SqlServerError):  # gone already with the connection, or by xact_abort
            session.execute("if @@trancount > 0 rollback transaction")
        raise
    try:
        session.execute("commit transaction")
    except SqlServerError as error:
        if is_cut(error):
            raise CommitUnknownError(str(error), error.number, error.sqlstate or "08007") from error
        raise
    reach("warm.after_commit")
    return result
