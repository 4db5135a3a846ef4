"""Running a query: translate, limit, time out, answer.

Belongs here: the limits a result must keep and the clock that ends a query.
Does not: translation (`translation`), the look of rows (`cells`) and frames (`frames`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from local_azure.kusto.cells import rows_sql
from local_azure.kusto.errors import InvalidSyntaxError, LimitsExceededError, TimedOutError
from local_azure.kusto.frames import Answer
from local_azure.kusto.kql_types import DUCKDB_TYPES, Column, quoted
from local_azure.kusto.request_properties import Properties
from local_azure.kusto.store import Store, Transaction
from local_azure.kusto.translation import Translated, Translator, split_settings, visualization

MEGABYTE = 1024 * 1024
_INTERRUPT_SECONDS = 0.02
# What a command answered, while the operators behind it are applied.
COMMAND_RESULT = "$command_result"


@dataclass(frozen=True)
class Limits:
    """The most a result may hold before it is cut; bytes are those of the rows' JSON text."""

    rows: int = 500_000
    bytes: int = 64 * MEGABYTE

    def under(self, properties: Properties) -> tuple[int | None, int | None]:
        """Row and byte limits after the request's own wishes."""
        if properties.flag("notruncation"):
            return None, None
        rows, size = properties.number("truncationmaxrecords"), properties.number("truncationmaxsize")
        return (self.rows if rows is None else rows), (self.bytes if size is None else size)


@contextmanager
def _deadline(cursor: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    finished = threading.Event()

    def interrupt() -> None:
        finished.wait(seconds)
        # An interrupt between two statements is lost, so it is repeated until the block ends.
        while not finished.wait(_INTERRUPT_SECONDS):
            cursor.interrupt()

    watch = threading.Thread(target=interrupt, name="query-deadline", daemon=True)
    watch.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise TimedOutError(f"the request ran longer than its servertimeout of {seconds:g} s") from error
    finally:
        finished.set()
        watch.join()


class Queries:
    """Runs KQL on a store."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.store = store
        self.limits = limits
        self.translator = Translator()

    def answer(self, text: str, properties: Properties) -> Answer:
        """The answer to a query, cut at the limits."""
        settings, query = split_settings(text)
        if not query.strip():
            raise InvalidSyntaxError("the query is empty")
        properties = properties.having(settings)
        with self.store.read() as cursor, _deadline(cursor, properties.timeout_seconds):
            translated = self.translator.translate(
                query, self.store.catalogue, cursor, query_now=properties.options.get("query_now")
            )
            return self._fetch(cursor, translated, properties, visualization(query))

    def _fetch(
        self, cursor: duckdb.DuckDBPyConnection, translated: Translated, properties: Properties, render: str | None
    ) -> Answer:
        most_rows, most_bytes = self.limits.under(properties)
        types = [column.type for column in translated.columns]
        limit = None if most_rows is None else most_rows + 1
        sql = rows_sql(translated.sql, types, translated.duckdb_types, limit)
        rows = [row[0] for row in cursor.execute(sql, translated.bind(properties.parameters) or None).fetchall()]
        cut = None
        if most_rows is not None and len(rows) > most_rows:
            rows, cut = rows[:most_rows], LimitsExceededError(f"{most_rows} records")
        if most_bytes is not None and sum(map(len, rows)) > most_bytes:
            rows, cut = _first_bytes(rows, most_bytes), LimitsExceededError(_size(most_bytes))
        return Answer(translated.columns, rows, cut, render)

    def select(
        self, text: str, transaction: Transaction, parameters: dict[str, Any]
    ) -> tuple[Translated, dict[str, Any]]:
        """The SQL behind `.set-or-append ... <|`, which no result limit applies to."""
        _, query = split_settings(text)
        translated = self.translator.translate(query, transaction.catalogue, transaction.cursor)
        return translated, translated.bind(parameters)

    def through(
        self,
        columns: tuple[Column, ...],
        rows: list[tuple[Any, ...]],
        pipeline: str,
        cursor: duckdb.DuckDBPyConnection,
        catalogue_of: Transaction | Store,
    ) -> tuple[Translated, str]:
        """`rows` set down where `pipeline` can read them; the SQL to run and its translation."""
        table = quoted(COMMAND_RESULT)
        declared = ", ".join(f"{quoted(column.name)} {DUCKDB_TYPES[column.type]}" for column in columns)
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table}({declared})")
        if rows:
            # Column by column: DuckDB takes milliseconds per row of an executemany.
            lists = ", ".join(f"unnest(?::{DUCKDB_TYPES[column.type]}[])" for column in columns)
            cursor.execute(f"INSERT INTO {table} SELECT {lists}", [list(values) for values in zip(*rows, strict=True)])
        translated = self.translator.translate(
            f"['{COMMAND_RESULT}'] | {pipeline}",
            catalogue_of.catalogue,
            cursor,
            extra={COMMAND_RESULT: columns},
        )
        return translated, rows_sql(
            translated.sql, [column.type for column in translated.columns], translated.duckdb_types, None
        )


def _first_bytes(rows: list[str], most: int) -> list[str]:
    total, kept = 0, 0
    for row in rows:
        total += len(row)
        if total > most:
            break
        kept += 1
    return rows[:kept]


def _size(count: int) -> str:
    return f"{count // MEGABYTE} MB" if count % MEGABYTE == 0 else f"{count} bytes"
