"""A server that is a script: it notes what it is sent, answers what was agreed, and fails where it is told to."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr

from assets.warm.sqlserver import engine
from assets.warm.sqlserver.transient import SqlServerError
from settings.warm import Warm


@dataclass
class Script:
    """`fails` by a piece of a statement: the errors to answer with, one after the other; then it is obeyed."""

    answers: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    fails: dict[str, list[SqlServerError]] = field(default_factory=dict)
    sent: list[tuple[str, list[Any]]] = field(default_factory=list)
    copied: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        self.sent.append((sql, list(parameters)))
        self._fail(sql)
        for piece, rows in self.answers.items():
            if piece in sql:
                return rows
        if "sp_getapplock" in sql:
            return [(0,)]
        return [(0,)] if sql.startswith("select count(") else []

    def copy(self, table: str, columns: Any, batches: Any) -> int:
        self._fail(f"copy {table}")
        rows = sum(batch.num_rows for batch in batches)
        with self.lock:
            self.copied[table] += rows
        return rows

    def _fail(self, sql: str) -> None:
        for piece, errors in self.fails.items():
            if piece in sql and errors:
                raise errors.pop(0)

    def count(self, piece: str) -> int:
        return sum(piece in sql for sql, _ in self.sent)


@pytest.fixture
def warm() -> Warm:
    return Warm(
        engine="sqlserver", server="sql.test", database="warm", user="loader", password=SecretStr("p;w}d"), attempts=3
    )


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()

    @contextmanager
    def connected(warm: Warm):
        made.connections += 1
        yield made

    monkeypatch.setattr(engine, "connected", connected)
    return made


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between attempts; how long is stamina's affair."""
    import stamina

    with stamina.set_testing(testing=True, attempts=3, cap=True):
        yield


@pytest.fixture
def batch():
    """So many rows of a table of the contract, all values alike."""
    from quality.contracts.arrow import arrow_schema

    def make(table: Any, rows: int, **values: Any) -> pa.RecordBatch:
        from datetime import UTC, date, datetime

        alike = {
            "string": "x",
            "double": 1.5,
            "long": 7,
            "int": 3,
            "boolean": True,
            "timestamp": datetime(2026, 3, 30, 12, tzinfo=UTC),
            "date": date(2026, 3, 30),
        }
        row = {column.name: values.get(column.name, alike[column.type]) for column in table.columns}
        return pa.RecordBatch.from_pylist([row] * rows, schema=arrow_schema(table))

    return make
