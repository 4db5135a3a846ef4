"""Rows of Gold into staging tables of a SQL Server: copied aside in bulk, swapped in by statements.

Belongs here: the side tables of a load, the streams that fill them, and the delete, insert and count of the swap.
Does not: the transaction around the swap, or trying again (`engine`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from assets.warm.engine import Counted, Incoming, Session, StagedTextError
from assets.warm.sqlserver.schema import SIDE_SCHEMA
from quality.contracts.model import Table
from quality.contracts.sqlserver import create_table, text_bound
from settings.failpoints import reach

_DATES = 1000
"""Of one statement; a server takes 2,100 parameters."""


class CopySession(Session, Protocol):
    """A session that copies in bulk."""

    def copy(self, table: str, columns: Sequence[str], batches: Iterator[pa.RecordBatch]) -> int:
        """Rows copied, committed by themselves."""


@dataclass(frozen=True)
class Copied:
    """What lies aside, ready to be swapped in."""

    incoming: Incoming
    sides: tuple[str, ...]
    rows: int


def copy_aside(session: CopySession, incoming: Incoming, streams: int) -> Copied:
    """Copy what Gold holds into side tables, one per stream, so that no stream waits for another's lock.

    Raises: SqlServerError, StagedTextError.
    """
    table = incoming.staged.table
    rows = incoming.read() if incoming.whole or incoming.dates else None
    if rows is None:
        return Copied(incoming, (), 0)
    shared = _Shared(rows, table)
    # A stream without a batch of its own would open a connection for nothing: most days are one batch.
    firsts = [batch for batch in (next(shared, None) for _ in range(streams)) if batch is not None]
    sides = tuple(f"{SIDE_SCHEMA}.[{table.name}__{number}]" for number in range(len(firsts)))
    for side in sides:
        session.execute(create_table(table, side))

    def fill(side: str, first: pa.RecordBatch) -> int:
        try:
            return session.copy(side, table.names, chain([first], shared))
        finally:
            shared.end()  # at the end there is nothing more; after an error the other streams need not go on

    if len(sides) == 1:
        fill(sides[0], firsts[0])
    elif sides:
        with ThreadPoolExecutor(len(sides), thread_name_prefix="warm-copy") as pool:
            list(pool.map(fill, sides, firsts))
    return Copied(incoming, sides, rows.rows)


def swap_in(session: Session, copied: Copied) -> int:
    """Delete what staging holds of the dates, insert what was copied, and count. Raises: StagedCountError."""
    staged = copied.incoming.staged
    scopes = list(_scopes(copied.incoming))
    for where, parameters in scopes:
        session.execute(f"delete from {staged.name}{where}", parameters)
    reach("warm.after_delete")
    columns = ", ".join(f"[{name}]" for name in staged.table.names)
    for side in copied.sides:
        session.execute(f"insert into {staged.name} ({columns}) select {columns} from {side}")
    held = sum(
        int(session.execute(f"select count(*) from {staged.name}{where}", parameters)[0][0])
        for where, parameters in scopes
    )
    return copied.incoming.reconcile(copied.rows, held)


def _scopes(incoming: Incoming) -> Iterator[tuple[str, Sequence[date]]]:
    """What is replaced, as conditions a statement can take."""
    if incoming.whole:
        yield "", ()
    for start in range(0, 0 if incoming.whole else len(incoming.dates), _DATES):
        some = incoming.dates[start : start + _DATES]
        yield f" where [{incoming.staged.date_column}] in ({', '.join('?' * len(some))})", some


class _Shared:
    """Batches that several streams take in turn, each looked at before it leaves."""

    def __init__(self, rows: Counted, table: Table) -> None:
        self._batches = rows.batches()
        self._lock = threading.Lock()
        self._ended = False
        self._texts = [(column.name, text_bound(table, column)) for column in table.columns if column.type == "string"]
        self._table = table

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        with self._lock:
            if self._ended:
                raise StopIteration
            batch = next(self._batches)
            while batch.num_rows == 0:
                batch = next(self._batches)
        for name, bound in self._texts:
            _fits(self._table, name, bound, batch.column(name))
        return batch

    def end(self) -> None:
        """Give nothing more."""
        with self._lock:
            self._ended = True


def _fits(table: Table, name: str, bound: int, texts: pa.Array[Any]) -> None:
    """Bytes of UTF-8 are never fewer than the units of UTF-16 that the server counts: only long texts are measured."""
    longest = pc.max(pc.binary_length(texts)).as_py()
    if longest is None or longest <= bound:
        return
    for text in texts.filter(pc.greater(pc.binary_length(texts), bound)).to_pylist():
        units = len(text.encode("utf-16-le")) // 2
        if units > bound:
            raise StagedTextError(
                f"{table.path}, column {name}: a text of {units:,} units begins {text[:40]!r}; the warm tier takes "
                f"{bound:,}. Nothing was loaded. Mend it at its source or in its mapping, then materialise again."
            )
