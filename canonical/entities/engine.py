"""The engine that reads small files: one DuckDB in memory, opened once, a connection each.

Belongs here: that connection. Opening an engine takes longer than reading a small file.
Does not: tables that outlive a file; whoever needs those has a database of their own.
"""

from __future__ import annotations

from functools import cache

import duckdb


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def connection() -> duckdb.DuckDBPyConnection:
    """A connection of one's own: temporary tables and registered rows are seen by nobody else. Close it."""
    db = _engine().cursor()
    db.execute("set TimeZone = 'UTC'")
    return db
