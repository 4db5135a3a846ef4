"""What people decide about rejected rows: that nothing is to be done, or that something is after all.

Belongs here: `silver.quarantine_decisions`. A decision is about event, index and reason, so it survives every
recomputation, and a row that comes back with another reason is open again. The row itself stays in quarantine and in
the ledger.
Does not: what a decision does to what is shown (`quarantined`).
"""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable

from assets.silver.quarantined import DISMISSED, OPEN, Selection, references
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import QUARANTINE_DECISIONS
from settings.clock import now

APP_ID = "silver/quarantine_decision"


def dismiss(lake: Lake, selection: Selection, *, why: str, who: str) -> int:
    """Dismiss every open row that matches; says how many there were. Raises: ValueError without a reason or a name."""
    return _decide(lake, selection, (OPEN, DISMISSED), why=why, who=who)


def withdraw(lake: Lake, selection: Selection, *, why: str, who: str) -> int:
    """Open again every dismissed row that matches; says how many there were."""
    return _decide(lake, selection, (DISMISSED, OPEN), why=why, who=who)


def _decide(lake: Lake, selection: Selection, change: tuple[str, str], *, why: str, who: str) -> int:
    """One commit; decided anew where another decision came between, so no row is decided twice."""
    if not why.strip() or not who.strip():
        raise ValueError("say why, and who decides: both are kept with each row")

    was, becomes = change

    def attempt(head: DeltaTable) -> int:
        number = int(head.transaction_version(APP_ID) or 0) + 1
        rows = references(lake, selection, status=was)
        if rows.num_rows == 0:
            return 0
        said = {
            "decision": pa.scalar(number, pa.int64()),
            "status": pa.scalar(becomes),
            "why": pa.scalar(why.strip()),
            "who": pa.scalar(who.strip()),
            "decided_at": pa.scalar(now(), pa.timestamp("us", "UTC")),
        }
        for name, value in said.items():
            rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
        ordered = rows.select(list(QUARANTINE_DECISIONS.names)).cast(arrow_schema(QUARANTINE_DECISIONS))
        write(head, ordered, {APP_ID: number}, metadata={APP_ID: number})
        return int(ordered.num_rows)

    return on_fresh_table(lake, QUARANTINE_DECISIONS, attempt)
