"""The words a table contract is written in.

Belongs here: `Column`, `Table` and the few closed vocabularies they use.
Does not: any particular table (`tables`), or how a contract looks in Delta, Kusto or dbt (the renderers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal[
    "string", "double", "long", "int", "boolean", "timestamp", "date", "binary", "map", "counts", "strings", "dates"
]
Layer = Literal["bronze", "silver", "gold", "warm"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a table.

    `type` is one of ours: timestamps are UTC microseconds, `map` is string to string, `counts` is
    string to long, `strings` and `dates` are lists. `unit` is a pint unit, or None where the value has none
    or names it in another column.
    """

    name: str
    type: Type
    says: str
    unit: str | None = None
    null: bool = False

    def __post_init__(self) -> None:
        """Refuse a column that nobody could read about."""
        if not self.says.strip():
            raise ValueError(f"column {self.name!r} is not described: `says` is empty")


SHORTEST_VACUUM_DAYS = 7
"""Readers of an older version, and writers with a file not yet committed, are given at least so long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Maintenance:
    """How a table's files are kept.

    A partition is *closed* `closed_after_hours` after its period ended, if nothing was written to it for
    `quiet_minutes`; only then it is rewritten as few files of about `file_mb`, sorted by `order_by` where that is
    named. What no version needs any more is deleted after `vacuum_days`. A table without partitions is an append-only
    log: any time is as good as another, because appends and compaction do not meet.
    """

    file_mb: int = 256
    order_by: tuple[str, ...] = ()
    closed_after_hours: int = 2
    quiet_minutes: int = 60
    vacuum_days: int = SHORTEST_VACUUM_DAYS

    def __post_init__(self) -> None:
        """Refuse what would take a file from under a reader or a writer."""
        if self.vacuum_days < SHORTEST_VACUUM_DAYS:
            raise ValueError(f"vacuum_days is {self.vacuum_days}; the least is {SHORTEST_VACUUM_DAYS}")
        if self.quiet_minutes < 1 or self.closed_after_hours < 0 or self.file_mb < 1:
            raise ValueError("quiet_minutes and file_mb are at least 1, closed_after_hours at least 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table, once: every schema, DDL, dbt source, page and check is rendered from it.

    `key` names the columns that are unique together; `stated` those whose smallest and largest value each file states,
    which is what readers skip files by (none named: all columns); `retention_days` of None keeps rows for ever;
    `fresh_within` is the p95 age of the newest row, in minutes, that alerts are set to.
    """

    layer: Layer
    name: str
    says: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    owner: str = "team:data-platform"
    partition_by: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    retention_days: int | None = None
    fresh_within: int | None = None
    maintenance: Maintenance = Maintenance()

    def __post_init__(self) -> None:
        """Refuse a contract that contradicts itself, at import, where the author sees it."""
        names = self.names
        if len(set(names)) != len(names):
            raise ValueError(f"{self.path}: a column is named twice")
        named = (*self.key, *self.partition_by, *self.sort_by, *self.stated, *self.maintenance.order_by)
        unknown = [c for c in named if c not in names]
        if unknown:
            raise ValueError(
                f"{self.path}: {unknown} are named in key, partition_by, sort_by, stated or order_by but are no columns"
            )
        nullable = [c.name for c in self.columns if c.null and c.name in self.key]
        if nullable:
            raise ValueError(f"{self.path}: key columns {nullable} may not be null")

    @property
    def path(self) -> str:
        """Where it lies below the lake's root, e.g. `silver/readings`."""
        return f"{self.layer}/{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """Its column names in order."""
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.path} has no column {name!r}; it has {', '.join(self.names)}")
