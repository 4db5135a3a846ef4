"""Bronze as Dagster sees it: an external asset that workers write without asking.

Belongs here: its description. The sensor on the Delta log reports what arrived.
Does not: writing it (`ingest_workers`).
"""

from __future__ import annotations

import dagster as dg

from assets.described import spec_of
from quality.contracts.tables import BRONZE_TELEMETRY


def bronze_telemetry() -> dg.AssetSpec:
    """The asset `bronze/telemetry`."""
    return spec_of(BRONZE_TELEMETRY)
