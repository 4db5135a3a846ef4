"""Exactly-once commits: Delta `txn` in the same commit as the rows.

Belongs here: the one correct sequence (load, read txn, drop what is there, commit THROUGH THE SAME OBJECT) and its
retry. Delta refuses neither a replayed nor a falling txn version from a fresh object: this module does.
Does not: which app ids there are; each writer names its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import pyarrow as pa
import stamina
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from lake.evolution import bring_up_to_date
from lake.store import WRITER, Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table

_log = logging.getLogger(__name__)
T = TypeVar("T")
Rows: TypeAlias = "pa.Table | pa.RecordBatchReader"


def _tell(details: RetryDetails) -> None:
    """To stderr by `logging`: left to itself stamina asks structlog, which prints to stdout unless it is set up."""
    why = f"{type(details.caused_by).__name__}: {details.caused_by}"
    _log.warning("%s; try %d follows in %.1f s", why, details.retry_num + 1, details.wait_for)


set_on_retry_hooks((_tell,))


def on_fresh_table(lake: Lake, table: Table, attempt: Callable[[DeltaTable], T]) -> T:
    """Run `attempt` on the table's head until it commits without a conflict.

    `attempt` must read its fence from the object it is given and write through it. After a conflict it is called
    again on a fresh object, so that it filters again by what the winner wrote.
    Raises: CommitFailedError after 20 conflicts in a row or two minutes.
    """
    for turn in stamina.retry_context(
        on=CommitFailedError, attempts=20, timeout=120, wait_initial=0.05, wait_max=2.0, wait_jitter=0.5
    ):
        with turn:
            target = lake.open(table)
            bring_up_to_date(target, table)
            return attempt(target)
    raise AssertionError("unreachable: the last attempt raises")


def write(
    target: DeltaTable,
    rows: Rows,
    transactions: Mapping[str, int],
    *,
    mode: Literal["append", "overwrite"] = "append",
    predicate: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """One commit through `target`: rows and txn versions together.

    The caller has read the fence from `target`. A commit of another app id in between is rebased by Delta; one of
    the same app id is a conflict and raised, never retried blindly.
    """
    write_deltalake(
        target,
        rows,
        mode=mode,
        predicate=predicate,
        writer_properties=WRITER,
        commit_properties=CommitProperties(
            custom_metadata={key: str(value) for key, value in (metadata or {}).items()} or None,
            app_transactions=[Transaction(app_id, version) for app_id, version in transactions.items()],
        ),
    )


def once(
    lake: Lake,
    table: Table,
    app_id: str,
    version: int,
    rows: Callable[[], Rows],
    *,
    mode: Literal["append", "overwrite"] = "append",
    predicate: str | None = None,
) -> bool:
    """Commit `rows()` under `app_id` = `version` unless that or a later version is there; says whether it wrote."""

    def attempt(target: DeltaTable) -> bool:
        held = target.transaction_version(app_id)
        if held is not None and held >= version:
            return False
        write(target, rows(), {app_id: version}, mode=mode, predicate=predicate, metadata={app_id: version})
        return True

    return on_fresh_table(lake, table, attempt)


def once_files(lake: Lake, table: Table, app_id: str, version: int, files: Callable[[], Sequence[AddAction]]) -> bool:
    """As `once`, for rows that `files()` writes into files of the table: at most once, whatever conflicts there are."""
    written: list[AddAction] = []

    def attempt(target: DeltaTable) -> bool:
        held = target.transaction_version(app_id)
        if held is not None and held >= version:
            return False
        written.extend([] if written else files())
        target.create_write_transaction(
            written,
            mode="append",
            schema=arrow_schema(table),
            partition_by=list(table.partition_by),
            commit_properties=CommitProperties(
                custom_metadata={app_id: str(version)}, app_transactions=[Transaction(app_id, version)]
            ),
        )
        return True

    return on_fresh_table(lake, table, attempt)


def append(lake: Lake, table: Table, rows: pa.Table) -> None:
    """Append without a fence, for rows whose repetition does no harm."""
    on_fresh_table(lake, table, lambda target: write(target, rows, {}))
