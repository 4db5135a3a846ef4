from __future__ import annotations

import errno

import pytest
from azure.eventhub.exceptions import ConnectError, ConnectionLostError
from deltalake.exceptions import DeltaError

from ingest_workers.source import RefusedError, SourceError, StolenError
from ingest_workers.trouble import kind, said


def busy() -> ConnectError:
    problem = ConnectError("the server is busy")
    problem.error = "server-busy"
    return problem


@pytest.mark.parametrize(
    ("problem", "named", "recovers"),
    [
        (busy(), "throttled", "by itself"),
        (DeltaError("Generic MicrosoftAzure error: 503 ServerBusy"), "throttled", "by itself"),
        (ConnectionLostError("peer went away"), "connection lost", "by itself"),
        (ConnectionResetError("reset"), "connection lost", "by itself"),
        (TimeoutError("timed out"), "connection lost", "by itself"),
        (RefusedError("the hub does not let us in: the token has expired"), "token expired", "by itself"),
        (RefusedError("the hub does not let us in: no role"), "refused", "by itself unless it lasts"),
        (StolenError("took it"), "partition taken over by another reader", "by itself"),
        (SourceError("partitions deliver none"), "cannot go on", "needs you"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk full", "needs you"),
        (DeltaError("Generic LocalFileSystem error: No space left on device (os error 28)"), "disk full", "needs you"),
        (DeltaError("Client error with status 403 Forbidden: AuthorizationFailure"), "the store refuses", "needs you"),
        (DeltaError("error sending request"), "store unavailable", "by itself unless it lasts"),
        (OSError("no route"), "store unavailable", "by itself unless it lasts"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_trouble_is_named_with_whether_it_recovers(problem, named, recovers):
    found = kind(problem)
    assert (found.name, found.recovers) == (named, recovers)


def test_a_log_line_says_what_is_wrong_whether_it_recovers_and_what_to_do():
    line = said(OSError(errno.ENOSPC, "No space left on device"))
    assert line.keys() == {"what", "recovers", "todo", "error"}
    assert all(line.values())
    assert line["error"].startswith("OSError: ")
