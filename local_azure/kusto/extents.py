"""Extents: batches of rows that arrive, move and leave together, with their tags.

Belongs here: the one place where rows are added, moved or removed, always inside a transaction.
Does not: which extents a command means (`commands.extents`).
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local_azure.kusto.catalogue import EXTENT, Table
from local_azure.kusto.errors import InvalidSyntaxError, SemanticError
from local_azure.kusto.store import Transaction

INGEST_BY = "ingest-by:"


@dataclass(frozen=True)
class Extent:
    """One row of `.show extents`. `number` is how rows point to it; it never leaves this package."""

    number: int
    extent_id: uuid.UUID
    table: str
    created: dt.datetime
    rows: int
    size: int
    tags: tuple[str, ...]


def parse_tags(text: str | None) -> tuple[str, ...]:
    """The tags in a property: a JSON array of strings."""
    if not text:
        return ()
    try:
        tags = json.loads(text)
    except ValueError:
        tags = None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidSyntaxError(f"tags must be a JSON array of strings, not `{text}`")
    return tuple(dict.fromkeys(tags))


def listing(cursor: Any, tables: Sequence[str] | None = None, ids: Sequence[str] | None = None) -> list[Extent]:
    """The extents of some tables or of all, oldest first; with `ids`, those among them."""
    where, values = ["TRUE"], list[Any]()
    if tables is not None:
        where.append("table_name IN (SELECT unnest(?::VARCHAR[]))")
        values.append(list(tables))
    if ids is not None:
        where.append("CAST(extent_id AS VARCHAR) IN (SELECT unnest(?::VARCHAR[]))")
        values.append(list(ids))
    rows = cursor.execute(
        "SELECT number, extent_id, table_name, created, row_count, size, tags FROM kx.extents "
        f"WHERE {' AND '.join(where)} ORDER BY number",
        values,
    ).fetchall()
    return [
        Extent(number, extent_id, name, created, count, size, tuple(tags or ()))
        for number, extent_id, name, created, count, size, tags in rows
    ]


def already_ingested(transaction: Transaction, table: Table, values: Sequence[str]) -> bool:
    """Whether an extent of `table` carries `ingest-by:` with one of `values`."""
    if not values:
        return False
    found = transaction.cursor.execute(
        "SELECT count(*) FROM kx.extents WHERE table_name = ? AND list_has_any(tags, ?::VARCHAR[])",
        [table.name, [INGEST_BY + value for value in values]],
    ).fetchall()
    return bool(found[0][0])


def append(
    transaction: Transaction,
    table: Table,
    select: str,
    values: dict[str, Any] | None = None,
    *,
    tags: Sequence[str] = (),
    size: int = 0,
) -> Extent | None:
    """Add the rows of `select`, whose columns are the table's in order, as one new extent. No rows, no extent."""
    cursor = transaction.cursor
    number = cursor.execute("SELECT nextval('kx.extent_numbers')").fetchall()[0][0]
    names = [f"c{position}" for position in range(len(table.columns))]
    # Kusto has no null strings.
    kept = ", ".join(
        f"coalesce({name}, '')" if column.type == "string" else name
        for name, column in zip(names, table.columns, strict=True)
    )
    insert = f"INSERT INTO {table.stored} SELECT {number}, {kept} FROM ({select}) AS _rows({', '.join(names)})"
    count = cursor.execute(insert, values or None).fetchall()[0][0]
    if count == 0:
        return None
    created = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    extent = Extent(number, uuid.uuid4(), table.name, created, count, size, tuple(tags))
    _record(transaction, extent)
    return extent


def _record(transaction: Transaction, extent: Extent) -> None:
    transaction.cursor.execute(
        "INSERT INTO kx.extents VALUES (?, ?, ?, ?, ?, ?, ?)",
        [extent.number, extent.extent_id, extent.table, extent.created, extent.rows, extent.size, list(extent.tags)],
    )


def drop(transaction: Transaction, extents: Sequence[Extent]) -> None:
    """Remove `extents` and their rows."""
    by_table: dict[str, list[int]] = {}
    for extent in extents:
        by_table.setdefault(extent.table, []).append(extent.number)
    for name, numbers in by_table.items():
        _delete_rows(transaction, transaction.catalogue.table(name), numbers)
    _forget(transaction, [extent.number for extent in extents])


def _delete_rows(transaction: Transaction, table: Table, numbers: list[int]) -> None:
    cursor = transaction.cursor
    others = cursor.execute(
        "SELECT count(*) FROM kx.extents WHERE table_name = ? AND number NOT IN (SELECT unnest(?::BIGINT[]))",
        [table.name, numbers],
    ).fetchall()[0][0]
    if others == 0:
        cursor.execute(f"DELETE FROM {table.stored}")
        return
    cursor.execute(f"DELETE FROM {table.stored} WHERE {EXTENT} IN ({', '.join(map(str, numbers))})")


def _forget(transaction: Transaction, numbers: list[int]) -> None:
    transaction.cursor.execute("DELETE FROM kx.extents WHERE number IN (SELECT unnest(?::BIGINT[]))", [numbers])


def move(transaction: Transaction, extents: Sequence[Extent], target: Table) -> list[tuple[Extent, Extent]]:
    """Move `extents` into `target`; returns each old extent with the new one it became."""
    moved: list[tuple[Extent, Extent]] = []
    for name in dict.fromkeys(extent.table for extent in extents):
        if name == target.name:
            raise SemanticError(f"extents of '{name}' cannot move to the table they are in")
        source = transaction.catalogue.table(name)
        _check_fits(source, target)
        batch = [extent for extent in extents if extent.table == name]
        renumbered = []
        for extent in batch:
            number = transaction.cursor.execute("SELECT nextval('kx.extent_numbers')").fetchall()[0][0]
            became = Extent(number, uuid.uuid4(), target.name, extent.created, extent.rows, extent.size, extent.tags)
            renumbered.append((extent, became))
        _copy_rows(transaction, source, target, renumbered)
        _delete_rows(transaction, source, [extent.number for extent in batch])
        _forget(transaction, [extent.number for extent in batch])
        for _, became in renumbered:
            _record(transaction, became)
        moved += renumbered
    return moved


def _copy_rows(transaction: Transaction, source: Table, target: Table, pairs: Sequence[tuple[Extent, Extent]]) -> None:
    names = {column.name for column in source.columns}
    kept = ", ".join(
        f'"{column.name}"' if column.name in names else "''" if column.type == "string" else "NULL"
        for column in target.columns
    )
    cases = " ".join(f"WHEN {old.number} THEN {new.number}" for old, new in pairs)
    numbers = ", ".join(str(old.number) for old, _ in pairs)
    copied = transaction.cursor.execute(
        f"INSERT INTO {target.stored} SELECT CASE {EXTENT} {cases} END, {kept} "
        f"FROM {source.stored} WHERE {EXTENT} IN ({numbers})"
    ).fetchall()[0][0]
    expected = sum(old.rows for old, _ in pairs)
    if copied != expected:
        raise RuntimeError(f"extents of {source.name} hold {copied} rows but record {expected}")


def _check_fits(source: Table, target: Table) -> None:
    types = {column.name: column.type for column in target.columns}
    missing = [c for c in source.columns if types.get(c.name) != c.type]
    if missing:
        raise SemanticError(
            f"extents of '{source.name}' do not fit '{target.name}': no column "
            + ", ".join(f"{column.name}:{column.type}" for column in missing)
        )
