"""Which errors of a SQL Server pass by themselves.

Belongs here: numbers and words of deadlocks, lock timeouts, throttling, failovers and cut connections. The driver
hands on the server's text and its SQLSTATE, its number only where it is asked for (`connection`), and the bulk copy
neither: so each is known by number, by SQLSTATE or by the words of its message, which are the same on every server.
Does not: trying again (`engine`).
"""

from __future__ import annotations

import re

TRANSIENT: dict[int, str] = {
    64: "an error occurred during the login process",
    233: "no process is on the other end of the pipe",
    1204: "cannot obtain a lock resource at this time",
    1205: "was deadlocked on",
    1222: "lock request time out period exceeded",
    3960: "snapshot isolation transaction aborted due to update conflict",
    4221: "login to read-secondary failed due to long wait",
    4060: "requested by the login. the login failed",
    8645: "a timeout occurred while waiting for memory resources",
    8651: "the minimum query memory is not available",
    10053: "an established connection was aborted",
    10054: "an existing connection was forcibly closed",
    10060: "a connection attempt failed because",
    10928: "limit for the database is",
    10929: "the server is currently too busy to support requests",
    40143: "the service has encountered an error processing your request",
    40197: "the service has encountered an error processing your request",
    40501: "the service is currently busy",
    40540: "the service has encountered an error processing your request",
    40613: "is not currently available",
    49918: "not enough resources to process request",
    49919: "too many create or update operations in progress",
    49920: "too many operations in progress",
}
"""Error numbers SQL Server and Azure SQL document as worth another try, with a piece of each message."""

_STATES = {"40001", "08S01", "08001", "08003", "08007", "HYT00", "HYT01"}
"""Serialization failure; link down, connect refused, not open, fate of a transaction unknown; time is up."""
_WORDS = (
    *TRANSIENT.values(),
    *("communication link failure", "transport-level error", "tcp provider", "connection reset", "broken pipe"),
    *("login timeout expired", "timeout expired", "timed out", "connection refused", "connection has been closed"),
    *("serialization failure", "attention acknowledgment not received", "unable to connect", "connection is broken"),
)
_NUMBER = re.compile(r"(?:error(?: code| number)?|number|msg)[\s:=]*\(?(\d{2,5})\b", re.IGNORECASE)
_LINK = re.compile(
    "communication link|transport-level|tcp provider|connection (?:reset|has been closed|is broken|not open)"
    "|broken pipe|forcibly closed|connection was aborted|08S01|08007|end of file|unexpected eof",
    re.IGNORECASE,
)


class SqlServerError(RuntimeError):
    """What the server or the driver refused, with the number and SQLSTATE where the driver tells them."""

    def __init__(self, message: str, number: int | None = None, sqlstate: str = "") -> None:
        super().__init__(message)
        self.number = number
        self.sqlstate = sqlstate


def is_transient(error: BaseException) -> bool:
    """Whether the same may succeed a little later. An error that tells its number is judged by that alone."""
    if not isinstance(error, SqlServerError):
        return False
    if error.number:
        return error.number in TRANSIENT or error.sqlstate in _STATES
    text = str(error)
    numbers = {int(found) for found in _NUMBER.findall(text)}
    return bool(numbers & TRANSIENT.keys()) or error.sqlstate in _STATES or any(w in text.lower() for w in _WORDS)


def is_cut(error: SqlServerError) -> bool:
    """Whether the connection went away, so that nobody knows if what was sent has happened."""
    return error.sqlstate.startswith("08") or _LINK.search(str(error)) is not None
