"""What Prometheus calls an instrument.

Belongs here: the exporter's way of writing names, for pages and alerts; a test compares it with the exporter.
Does not: the exporter (`telemetry_providers`).
"""

from __future__ import annotations

from ingest_workers.instruments import Instrument


def prometheus_name(each: Instrument) -> str:
    """Dots become underscores, the unit and the kind are said at the end."""
    name = each.name.replace(".", "_")
    unit = {"s": "_seconds", "By": "_bytes"}.get(each.unit, "")
    name = name if name.endswith(unit) else name + unit
    return f"{name}_total" if each.kind == "counter" else name
