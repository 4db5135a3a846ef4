"""What a command handler gets and gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local_azure.kusto.failpoint import Failpoints
from local_azure.kusto.kql_types import Column
from local_azure.kusto.queries import Queries
from local_azure.kusto.scan import Scanner
from local_azure.kusto.store import Store


@dataclass(frozen=True)
class Context:
    """One command's surroundings. `origin` is this endpoint's own URL."""

    store: Store
    queries: Queries
    failpoints: Failpoints
    origin: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def database(self) -> str:
        """The name every answer calls the database by."""
        return self.store.database


@dataclass(frozen=True)
class Reply:
    """The table a command answers with."""

    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)


Handler = Callable[[Context, Scanner], Reply]


def columns(**types: str) -> tuple[Column, ...]:
    """`columns(TableName="string", ...)` as columns."""
    return tuple(Column(name, kind) for name, kind in types.items())
