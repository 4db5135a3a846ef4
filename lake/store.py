"""The lake: where its tables lie and how they are opened.

Belongs here: root, table location, creation from the contract, the lake's identity.
Does not: what is written into a table (its owner's module) or the fence (`lake.fence`).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, WriterProperties
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from lake.evolution import STATED, missing
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import IDENTITY
from settings.clock import now
from settings.model import Settings
from settings.storage import storage_options

_IDENTITY = "lake/identity"
WRITER = WriterProperties(compression="ZSTD", compression_level=1)
"""zstd 1: half of snappy's bytes at the same speed."""


@dataclass(frozen=True)
class Lake:
    """A folder or container of Delta tables, one per contract."""

    root: str
    options: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Lake:
        """The lake the settings name."""
        return cls(settings.lake_root, storage_options(settings))

    def uri(self, table: Table) -> str:
        """Where a table lies."""
        return f"{self.root}/{table.path}"

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return bool(DeltaTable.is_deltatable(self.uri(table), storage_options=self.options))

    def open(self, table: Table, version: int | None = None) -> DeltaTable:
        """The table at its head or at `version`; it is created from its contract where it is absent."""
        try:
            return DeltaTable(self.uri(table), version=version, storage_options=self.options)
        except TableNotFoundError:
            if version is not None:
                raise
        self._create(table)
        return DeltaTable(self.uri(table), storage_options=self.options)

    def _create(self, table: Table) -> None:
        try:
            DeltaTable.create(
                self.uri(table),
                schema=arrow_schema(table),
                mode="error",
                partition_by=list(table.partition_by),
                name=f"{table.layer}.{table.name}",
                description=table.says,
                configuration={STATED: ",".join(table.stated)} if table.stated else None,
                storage_options=self.options,
                # Without it, who comes second commits the same schema again, and writers in between meet a conflict.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except (CommitFailedError, DeltaError):
            # Another process created it between our look and our commit; anything else fails here again.
            if not self.exists(table):
                raise

    def version(self, table: Table) -> int:
        """Head version; -1 where the table does not exist yet."""
        return self.open(table).version() if self.exists(table) else -1

    def dataset(self, table: Table, version: int | None = None) -> ds.Dataset:
        """The rows as an Arrow dataset: partitions and file statistics prune it.

        A column that the table got after it was made, or has not got yet, is null where files lack it.
        """
        found = self.open(table, version).to_pyarrow_dataset()
        lacks = missing(found.schema, table)
        if not lacks:
            return found
        wanted = arrow_schema(table)
        return found.replace_schema(pa.schema([*found.schema, *(wanted.field(name) for name in lacks)]))

    def rows(
        self,
        table: Table,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: ds.Expression | None = None,
    ) -> pa.Table:
        """Rows in memory, for tables and slices that are known to be small."""
        wanted = list(columns) if columns is not None else list(table.names)
        return self.dataset(table, version).to_table(columns=wanted, filter=where)

    def identity(self) -> str:
        """The lake's id; made at first use, once, however many processes ask first."""
        newest = self._newest_identity()
        return str(newest["lake_id"]) if newest else self._identify("created", 1)

    def _newest_identity(self) -> dict[str, Any] | None:
        return max(self.rows(IDENTITY).to_pylist(), key=lambda row: row["made_at"], default=None)

    def renew_identity(self, why: str) -> str:
        """Give a restored lake a new id, so that nothing outside mistakes its batch numbers for the old ones."""
        return self._identify(why, int(self.open(IDENTITY).transaction_version(_IDENTITY) or 0) + 1)

    def _identify(self, why: str, version: int) -> str:
        """Write the `version`-th identity unless another process has: its id then counts for both."""
        from lake.fence import once  # noqa: PLC0415 - fence builds on this module

        newest = self._newest_identity()
        # The newest row counts, so it has to be newer than the last one whatever this machine's clock says.
        made_at = max(now(), newest["made_at"] + timedelta(microseconds=1)) if newest else now()
        row = {"lake_id": uuid.uuid4().hex[:12], "made_at": made_at, "why": why}
        once(self, IDENTITY, _IDENTITY, version, lambda: pa.Table.from_pylist([row], schema=arrow_schema(IDENTITY)))
        return self.identity()
