"""A connection to the SQL Server: how it is reached, as whom, and what its errors are.

Belongs here: connection string, token, session settings, statements and bulk copy as rows in and rows out.
Does not: what is sent (`engine`, `swap`), or which errors pass (`transient`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import mssql_python
import pyarrow as pa
from azure.identity import DefaultAzureCredential
from mssql_python import ddbc_bindings

from assets.warm.engine import Rows
from assets.warm.sqlserver.transient import SqlServerError
from settings.warm import Warm

_SESSION = "set nocount on; set xact_abort on; set lock_timeout 60000"
"""Any error ends its transaction; nobody waits for a lock longer than a minute."""
_DIAGNOSTIC = re.compile(r"\[(\w{5})\]\s*\((-?\d+)\)")


class SqlServerSession:
    """An open connection. A statement commits by itself unless a transaction was begun."""

    def __init__(self, connection: mssql_python.Connection, warm: Warm) -> None:
        self._connection = connection
        self._warm = warm

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """The rows of a statement; none where it returns none. Raises: SqlServerError."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql, *([list(parameters)] if parameters else []))
            rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        except mssql_python.Error as error:
            raise _told(error, cursor) from error
        finally:
            cursor.close()
        return rows

    def copy(self, table: str, columns: Sequence[str], batches: Iterable[pa.RecordBatch]) -> int:
        """Bulk-copy batches into a table; rows copied. It commits by itself: the driver opens a second connection.

        Raises: SqlServerError.
        """
        with closing(self._connection.cursor()) as cursor:
            try:
                result = cursor.bulkcopy_arrow(
                    table,
                    batches,
                    timeout=self._warm.statement_timeout_seconds,
                    column_mappings=list(columns),
                    table_lock=True,
                    keep_nulls=True,
                )
            except (mssql_python.Error, RuntimeError, OSError, TimeoutError) as error:
                raise SqlServerError(f"bulk copy into {table}: {error}") from error
        return int(result["rows_copied"])


@contextmanager
def connected(warm: Warm) -> Iterator[SqlServerSession]:
    """A connection of one's own. Leaving it open-ended rolls back. Raises: SqlServerError."""
    mssql_python.pooling(enabled=False)  # a pooled connection would keep its session's locks and its dead peers
    credential = None if warm.user else DefaultAzureCredential()
    try:
        # As a provider and not as a token, which the bulk copy's own connection could not renew, nor even see.
        connection = mssql_python.connect(
            connection_string(warm), autocommit=True, timeout=warm.login_timeout_seconds, token_provider=credential
        )
    except (mssql_python.Error, RuntimeError) as error:
        raise SqlServerError(f"{warm.server},{warm.port} (database {warm.database!r}): {error}") from error
    try:
        connection.timeout = warm.statement_timeout_seconds
        session = SqlServerSession(connection, warm)
        session.execute(_SESSION)
        yield session
    finally:
        connection.close()


def connection_string(warm: Warm) -> str:
    """ODBC words for where it is. The token is no part of it; a SQL login's password is."""
    words = {
        "Server": f"{warm.server},{warm.port}",
        "Database": warm.database,
        "Encrypt": "yes" if warm.encrypt else "no",
        "TrustServerCertificate": "yes" if warm.trust_cert else "no",
    }
    if warm.user and warm.password:
        words |= {"UID": warm.user, "PWD": warm.password.get_secret_value()}
    return ";".join(f"{key}={_braced(value)}" for key, value in words.items())


def _braced(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}" if re.search(r"[;{}=\s]", value) else value


def _told(error: mssql_python.Error, cursor: mssql_python.Cursor) -> SqlServerError:
    """With the number and SQLSTATE, which the driver keeps beside the statement and leaves out of its exception."""
    diagnose = getattr(ddbc_bindings, "DDBCSQLGetAllDiagRecords", None)  # not public: words still tell without it
    records = diagnose(cursor.hstmt) if diagnose and cursor.hstmt else []
    found = [match for state, _ in records if (match := _DIAGNOSTIC.search(str(state)))]
    for match in found:
        if int(match[2]):
            return SqlServerError(str(error), int(match[2]), match[1])
    return SqlServerError(str(error), sqlstate=found[0][1] if found else "")
