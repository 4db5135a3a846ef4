"""SELECTs over one table, each planned once.

Belongs here: the connection that a canonicaliser runs its statements on, and the plans it keeps. Planning the statement
of a mapping with many readings takes far longer than running it over a small batch, so a plan is kept and reads
whatever table it is handed.
Does not: the statements (`compilation`, `routing`, `decoders`, `drift`).

A plan belongs to a statement and the schema of its table. The engine plans anew where the catalogue of its connection
changes, so each schema has a connection of its own, on which a table is registered once, before anything is planned.
What is kept is bounded; the one used longest ago goes first. A kept plan holds no rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

BATCH_ROWS = 16_384
MOST_PLANS, MOST_SCHEMAS = 256, 64
"""Plans of one schema, and schemas."""
_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "temp_directory": "",
}
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    # It turns IN over a few literals into hash joins: slower here, and rows might leave in another order.
    "SET disabled_optimizers = 'in_clause'",
)


class Engine:
    """Runs SELECTs over a table named `source`. One instance per thread."""

    def __init__(self, macros: Sequence[str] = ()) -> None:
        """`macros`: statements that every connection runs first."""
        self._database = duckdb.connect(":memory:", config=dict(_CONFIG))
        self._macros = macros
        self._sessions: OrderedDict[pa.Schema, _Session] = OrderedDict()

    def run(self, statement: str, source: pa.Table) -> pa.Table:
        """The result of a SELECT."""
        schema = source.schema
        if schema not in self._sessions:
            if len(self._sessions) == MOST_SCHEMAS:
                self._sessions.popitem(last=False)[1].close()
            self._sessions[schema] = _Session(self._database.cursor(), self._macros, schema)
        self._sessions.move_to_end(schema)
        return self._sessions[schema].run(statement, source)


class _Source:
    """What is registered in place of a table: whichever is at hand when a plan runs."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


class _Session:
    """The plans of one schema."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, macros: Sequence[str], schema: pa.Schema) -> None:
        self._connection = connection
        self._empty = schema.empty_table()
        self._source = _Source(self._empty)
        self._plans: OrderedDict[str, str] = OrderedDict()
        self._made = 0
        for statement in (*_SETTINGS, *macros):
            connection.execute(statement)
        connection.register("source", self._source)

    def run(self, statement: str, source: pa.Table) -> pa.Table:
        # A batch is read by one thread, so there have to be several.
        batches = source.to_batches(max_chunksize=BATCH_ROWS)
        self._source.table = pa.Table.from_batches(batches, schema=source.schema)
        try:
            result = self._connection.sql(f"EXECUTE {self._plan(statement)}")
            return result.to_arrow_table().combine_chunks()
        finally:
            self._source.table = self._empty

    def _plan(self, statement: str) -> str:
        if statement not in self._plans:
            if len(self._plans) == MOST_PLANS:
                self._connection.execute(f"DEALLOCATE {self._plans.popitem(last=False)[1]}")
            self._made += 1
            name = f"plan_{self._made}"
            self._connection.execute(f"PREPARE {name} AS {statement}")
            self._plans[statement] = name
        self._plans.move_to_end(statement)
        return self._plans[statement]

    def close(self) -> None:
        self._connection.close()
