"""A store in a temporary folder, with queries and commands on top, without HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_azure.kusto.commands import dispatch
from local_azure.kusto.commands.context import Context
from local_azure.kusto.failpoint import Failpoints
from local_azure.kusto.queries import Limits, Queries
from local_azure.kusto.request_properties import Properties
from local_azure.kusto.store import Store

Rows = list[list[Any]]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    store = Store(tmp_path / "data", "telemetry")
    yield Context(store, Queries(store, Limits()), Failpoints(tmp_path), "http://127.0.0.1:1")
    store.close()


@pytest.fixture
def command(context: Context) -> Callable[[str], Rows]:
    """Runs a management command; its rows."""
    return lambda text: [json.loads(row) for row in dispatch.answer(context, text).rows]


@pytest.fixture
def query(context: Context) -> Callable[..., Rows]:
    """Runs a query; its rows."""

    def run(text: str, parameters: dict[str, Any] | None = None, **options: Any) -> Rows:
        answer = context.queries.answer(text, Properties(options, parameters or {}))
        return [json.loads(row) for row in answer.rows]

    return run
