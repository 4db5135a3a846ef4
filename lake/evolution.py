"""A table made by an older contract, brought to today's.

Belongs here: which differences are harmless (a column that may be null and is not there yet; which columns files state)
and how they are mended in place, and words for the others.
Does not: what a contract may become (`canonical.compatibility`), or rows (a migration here rewrites no file).
"""

from __future__ import annotations

import logging

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.schema import Schema

from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table

STATED = "delta.dataSkippingStatsColumns"
"""Property that names the columns files state a smallest and a largest value of."""
_log = logging.getLogger(__name__)


class LakeSchemaError(RuntimeError):
    """A table of the lake was made by a contract that cannot become today's without rewriting it."""


def missing(found: pa.Schema, table: Table) -> list[str]:
    """Columns of the contract that the table lacks; a reader takes them for null."""
    return [name for name in table.names if name not in found.names]


def bring_up_to_date(target: DeltaTable, table: Table) -> None:
    """Add the columns the table lacks, in one commit each time; nothing where it is as the contract says.

    Raises: LakeSchemaError where a new column may not be null: rows that are there could not have it.
    """
    lacks = [name for name in table.names if name not in {field.name for field in target.schema().fields}]
    required = [name for name in lacks if not table.column(name).null]
    if required:
        raise LakeSchemaError(
            f"{table.path} was made without {', '.join(required)}, which may not be null. Rows that are there cannot "
            "have a value: materialise the table anew into an empty folder (Silver and Gold are made from Bronze)."
        )
    if lacks:
        wanted = arrow_schema(table)
        added = Schema.from_arrow(pa.schema([wanted.field(name) for name in lacks]))
        target.alter.add_columns(list(added.fields))
        _log.warning("%s has got the columns %s; rows that were there have none", table.path, ", ".join(lacks))
    stated = ",".join(table.stated)
    if stated and target.metadata().configuration.get(STATED) != stated:
        target.alter.set_table_properties({STATED: stated})
    if lacks:
        target.update_incremental()
