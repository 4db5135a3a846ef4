"""Errors that pass are known by number, by SQLSTATE or by words, and others are not."""

from __future__ import annotations

import pytest

from assets.warm.sqlserver.transient import TRANSIENT, SqlServerError, is_cut, is_transient

MESSAGES = (
    "[Microsoft][SQL Server]Transaction (Process ID 52) was deadlocked on lock resources with another process.",
    "[Microsoft][SQL Server]Lock request time out period exceeded.",
    "Database 'warm' on server 'x' is not currently available. Please retry the connection later.",
    "The service is currently busy. Retry the request after 10 seconds. Incident ID: 1. Code: 2.",
    "The service has encountered an error processing your request. Please try again. Error code 40197.",
    "Cannot process request. Not enough resources to process request. Please retry your request later.",
    "Resource ID: 1. The request limit for the database is 90 and has been reached.",
    'Cannot open database "warm" requested by the login. The login failed.',
    "A transport-level error has occurred when receiving results from the server.",
    "[Microsoft]TCP Provider: Error code 0x68",
    "Login timeout expired",
    "bulk copy into staging_load.[x__0]: Sql Error: number: 1205, state: 51",
)


@pytest.mark.parametrize("number", sorted(TRANSIENT))
def test_a_documented_number_passes(number):
    assert is_transient(SqlServerError("in another language", number=number))


@pytest.mark.parametrize("message", MESSAGES)
def test_words_tell_where_no_number_does(message):
    assert is_transient(SqlServerError(message))


@pytest.mark.parametrize(
    "error",
    [
        SqlServerError("Invalid object name 'staging.x'.", number=208, sqlstate="42S02"),
        SqlServerError("Login failed for user 'loader'."),
        SqlServerError("String or binary data would be truncated in table 'x'.", number=2628),
        SqlServerError("The INSERT permission was denied on the object 'date_state'.", number=229),
        ValueError("was deadlocked on"),
    ],
)
def test_anything_else_does_not(error):
    assert not is_transient(error)


@pytest.mark.parametrize(
    ("error", "cut"),
    [
        (SqlServerError("Communication link failure", sqlstate="08S01"), True),
        (SqlServerError("A transport-level error has occurred"), True),
        (SqlServerError("was deadlocked on", number=1205, sqlstate="40001"), False),
    ],
)
def test_a_cut_connection_is_told_from_a_refusal(error, cut):
    assert is_cut(error) is cut
