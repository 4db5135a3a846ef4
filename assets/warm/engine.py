"""What the warm tier asks of a database: staging swapped at once, small writes, and how readers see it.

Belongs here: the interface that DuckDB and SQL Server answer alike, what is handed to them, and their errors.
Does not: SQL that both understand (`state`), or either engine (`duckdb_engine`, `sqlserver`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from quality.contracts.warm import Staged
from settings.model import Settings

T = TypeVar("T")
Rows = list[tuple[Any, ...]]


class WarmBusyError(RuntimeError):
    """Another process is writing the warm database."""


class WarmMissingError(RuntimeError):
    """Nothing has been published yet."""


class StagedCountError(RuntimeError):
    """Staging did not take over the rows that Gold gave; the load was rolled back."""


class StagedTextError(RuntimeError):
    """A text of Gold is longer than its column; nothing is cut off in silence."""


class NotPublishableError(RuntimeError):
    """The build may not be shown to readers; what they have stays as it is."""


class Counted:
    """Batches on their way into staging, and how many rows have passed."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.schema = reader.schema
        self.rows = 0
        self._batches = reader

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Each batch once."""
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch

    def reader(self) -> pa.RecordBatchReader:
        """The same as one stream."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())


@dataclass(frozen=True)
class Incoming:
    """What a staged table is to hold: of `dates`, or altogether where it is staged whole.

    `read` may be called again: a load that failed half-way reads Gold once more. Columns come in contract order,
    timestamps without their zone.
    """

    staged: Staged
    dates: tuple[date, ...]
    read: Callable[[], Counted | None]

    @property
    def whole(self) -> bool:
        """Whether all rows are replaced, whatever their date."""
        return self.staged.date_column is None

    def reconcile(self, read: int, held: int) -> int:
        """The rows held, which are those that were read. Raises: StagedCountError."""
        if read != held:
            raise StagedCountError(
                f"{self.staged.name}: {read:,} rows were read from Gold and {held:,} arrived. Nothing was changed; "
                "load again. If it happens again, look for a second writer of the staging schema."
            )
        return held


class Session(Protocol):
    """An open warm database within one transaction. Parameters are `?` on either engine."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """The rows of a statement; none where it returns none."""


@dataclass(frozen=True)
class Mark:
    """The state that goes with a load.

    `write` is part of its transaction; `there` tells afterwards whether that was committed, should the answer to the
    commit be lost.
    """

    write: Callable[[Session], None]
    there: Callable[[Session], bool]


@dataclass(frozen=True)
class Publication:
    """What readers see from now on."""

    location: str
    rows: dict[str, int]


class Engine(Protocol):
    """One of the databases the warm tier may live in."""

    location: str
    """Where readers find it, for people."""

    def load(self, incoming: Sequence[Incoming], mark: Mark) -> dict[str, int]:
        """Replace staged tables and `mark` what they hold in one transaction; rows by table.

        Raises: WarmBusyError, StagingDriftError, StagedCountError, StagedTextError; then everything is as it was.
        """

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in one transaction, alone; it may run again after an error that passes, so it may not add up.

        Raises: WarmBusyError, StagingDriftError.
        """

    def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on what readers see. Raises: WarmMissingError where nothing has been published."""

    def variables(self) -> dict[str, str | bool]:
        """Variables of the dbt project that follow what the database says of itself."""

    def close(self, session: Session) -> None:
        """Part of the transaction that begins a build from scratch: readers whose rows are filtered see none."""

    def publish(self) -> Publication:
        """Show readers the build, when everything staged is built. Raises: NotPublishableError, WarmBusyError."""


def engine_of(settings: Settings) -> Engine:
    """The engine the settings name."""
    if settings.warm.engine == "sqlserver":
        from assets.warm.sqlserver.engine import SqlServerEngine  # noqa: PLC0415 - its driver is an extra

        return SqlServerEngine(settings.warm)
    from assets.warm.duckdb_engine import DuckdbEngine  # noqa: PLC0415 - the two know this module

    return DuckdbEngine(settings)
