"""Tables that only Azure Data Explorer holds, for a short while: what arrives, before it is settled.

Belongs here: their contracts. They are fed by a data connection of the cluster, not by a load, and no tier reads them.
Does not: the settled readings (`gold_tables`).
"""

from __future__ import annotations

from quality.contracts.columns import ENQUEUED_AT, KEY, KEY_NAMES
from quality.contracts.model import Column, Table

ENQUEUED_PATH = "$.x-opt-enqueued-time"
"""Where a data connection puts Event Hubs' own time of a message."""

_SETTLED_ONLY = {"discriminator"}

READINGS_LIVE = Table(
    layer="gold",
    name="readings_live",
    says="Readings as they arrive, within seconds, at least once: neither checked nor freed of repetitions. "
    "Settled ones are in Readings.",
    columns=(
        *(column for column in KEY if column.name not in _SETTLED_ONLY),
        Column(name="value", type="double", says="In the metric's canonical unit; null for states.", null=True),
        Column(name="value_text", type="string", says="State or event name; empty for numbers.", null=True),
        Column(name="unit", type="string", says="Canonical unit of the metric."),
        ENQUEUED_AT,
    ),
    key=tuple(name for name in KEY_NAMES if name not in _SETTLED_ONLY),
    retention_days=3,
    fresh_within=1,
)

LIVE_TABLES: tuple[Table, ...] = (READINGS_LIVE,)
"""Append-only: never swapped, so materialized views may be over them."""
