"""Subject tables that are replaced whole, when they come out otherwise than they are.

Belongs here: the one commit that replaces a table, and nothing where its rows are as before.
Does not: the rows (`intensity`, `engagements`).
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from deltalake import DeltaTable

from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table


def replace_whole(lake: Lake, table: Table, rows: Callable[[], pa.Table]) -> tuple[int, bool]:
    """Make the table hold `rows()`; how many there are, and whether they are others than before.

    `rows` is asked after the table was opened and again after a conflict, so that what it read is never older than
    what the winner of the conflict read.
    """
    app_id = f"gold/{lake.identity()}/{table.name}"
    order = [(name, "ascending") for name in table.key]

    def attempt(target: DeltaTable) -> tuple[int, bool]:
        found = rows().cast(arrow_schema(table)).sort_by(order)
        before = (
            target.to_pyarrow_dataset().to_table(columns=list(table.names)).cast(arrow_schema(table)).sort_by(order)
        )
        same = found.equals(before)
        if not same:
            number = int(target.transaction_version(app_id) or 0) + 1
            write(target, found, {app_id: number}, mode="overwrite")
        return found.num_rows, not same

    return on_fresh_table(lake, table, attempt)
