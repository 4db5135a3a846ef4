"""Result rows as JSON text, made by DuckDB: a third of a million rows in half a second, none of it in Python.

Belongs here: how each type looks on the wire.
Does not: the frames around the rows (`frames`).
"""

from __future__ import annotations

import datetime as dt
import json
import math
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

_MINUTE, _HOUR, _DAY = 60_000_000, 3_600_000_000, 86_400_000_000


def _datetime_sql(value: str) -> str:
    # Like the service: whole seconds have no fraction, all others seven digits.
    return (
        f"CASE WHEN epoch_us({value}) % 1000000 = 0 THEN strftime({value}, '\"%Y-%m-%dT%H:%M:%SZ\"') "
        f"ELSE strftime({value}, '\"%Y-%m-%dT%H:%M:%S.%f0Z\"') END"
    )


def _timespan_sql(value: str) -> str:
    micros = f"abs(epoch_us({value}))"
    return (
        f"printf('\"%s%s%02d:%02d:%02d%s\"', CASE WHEN epoch_us({value}) < 0 THEN '-' ELSE '' END, "
        f"CASE WHEN {micros} >= {_DAY} THEN ({micros} // {_DAY})::VARCHAR || '.' ELSE '' END, "
        f"{micros} % {_DAY} // {_HOUR}, {micros} % {_HOUR} // {_MINUTE}, {micros} % {_MINUTE} // 1000000, "
        f"CASE WHEN {micros} % 1000000 = 0 THEN '' ELSE printf('.%06d0', {micros} % 1000000) END)"
    )


def _real_sql(value: str) -> str:
    return (
        f"CASE WHEN isfinite({value}) THEN CAST({value} AS VARCHAR) WHEN isnan({value}) THEN '\"NaN\"' "
        f"WHEN {value} > 0 THEN '\"Infinity\"' WHEN {value} < 0 THEN '\"-Infinity\"' END"
    )


def cell_sql(value: str, kql: str, duckdb_type: str) -> str:
    """SQL for the JSON text of one cell."""
    if kql == "string":
        # Kusto has no null strings: an unmatched side of a join reads "".
        text = f"to_base64({value})" if duckdb_type == "BLOB" else f"CAST({value} AS VARCHAR)"
        return f"coalesce(to_json({text})::VARCHAR, '\"\"')"
    made = {
        "datetime": lambda: _datetime_sql(f"CAST({value} AS TIMESTAMP)"),
        "timespan": lambda: _timespan_sql(f"CAST({value} AS INTERVAL)"),
        "real": lambda: _real_sql(value),
        "dynamic": lambda: f"to_json({value})::VARCHAR",
        "guid": lambda: f"'\"' || CAST({value} AS VARCHAR) || '\"'",
        "decimal": lambda: f"'\"' || CAST({value} AS VARCHAR) || '\"'",
    }.get(kql, lambda: f"CAST({value} AS VARCHAR)")()
    return f"coalesce({made}, 'null')"


def rows_sql(sql: str, kql_types: Sequence[str], duckdb_types: Sequence[str], limit: int | None) -> str:
    """SQL whose single column is each row of `sql` as a JSON array."""
    names = [f"c{position}" for position in range(len(kql_types))]
    parts = [cell_sql(*cell) for cell in zip(names, kql_types, duckdb_types, strict=True)]
    array = "'[' || " + " || ',' || ".join(parts) + " || ']'" if parts else "'[]'"
    top = f" LIMIT {limit}" if limit is not None else ""
    return f"SELECT {array} FROM ({sql}) AS _answer({', '.join(names)}){top}"


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        text = value.strftime("%Y-%m-%dT%H:%M:%S")
        return f"{text}.{value.microsecond:06d}0Z" if value.microsecond else f"{text}Z"
    if isinstance(value, dt.timedelta):
        micros = abs(value) // dt.timedelta(microseconds=1)
        days, rest = divmod(micros, _DAY)
        fraction = f".{rest % 1_000_000:06d}0" if rest % 1_000_000 else ""
        clock = f"{rest // _HOUR:02d}:{rest % _HOUR // _MINUTE:02d}:{rest % _MINUTE // 1_000_000:02d}{fraction}"
        return f"{'-' if value < dt.timedelta(0) else ''}{f'{days}.' if days else ''}{clock}"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(value) if isinstance(value, uuid.UUID) else value


def encode_rows(rows: Iterable[Sequence[Any]]) -> list[str]:
    """The few rows a command answers with, as JSON arrays."""
    return [json.dumps([_plain(value) for value in row], allow_nan=False) for row in rows]
