"""When readings are expected: by a device's own count of its messages, or by the interval its mapping declares.

Belongs here: what each mapping says of it, reading by reading, as a table.
Does not: counting what is expected (`assets.gold.expected`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from canonical.spec.readings import Reading
from canonical.spec_model import Group, MappingSpec

SCHEDULES = pa.schema(
    [
        ("mapping_id", pa.string()),
        ("metric", pa.string()),
        ("channel", pa.string()),
        ("interval_s", pa.float64()),
        ("session_gap_s", pa.float64()),
        ("counted", pa.bool_()),
        ("modulus", pa.int64()),
        ("shared", pa.bool_()),
    ]
)
"""`counted`: the discriminator counts messages; at `modulus` it begins anew, and a `shared` one is of all devices."""


def schedules(specs: Iterable[MappingSpec]) -> pa.Table:
    """One row for each metric and channel of which a mapping says when it is expected."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for spec in specs:
        for group in spec.groups:
            for slot in group.readings:
                if isinstance(slot, Reading) and isinstance(slot.channel, str):
                    row = _row(spec, group)
                    if row["interval_s"] is not None or row["counted"]:
                        rows.setdefault((spec.id, slot.metric, slot.channel), row)
    made = [
        {"mapping_id": mapping, "metric": metric, "channel": channel, **row}
        for (mapping, metric, channel), row in rows.items()
    ]
    return pa.Table.from_pylist(made, schema=SCHEDULES)


def _row(spec: MappingSpec, group: Group) -> dict[str, Any]:
    counts = group.discriminator.sequence if group.discriminator else None
    return {
        "interval_s": spec.interval_s,
        "session_gap_s": spec.session_gap_s,
        "counted": counts is not None,
        "modulus": counts.modulus if counts else None,
        "shared": counts is not None and counts.shared,
    }
