"""Load dates in a process of its own, so that it can be killed: LAKE URI DATABASE SNAPSHOT DATE..."""

from __future__ import annotations

import json
import sys
from datetime import date

from assets.gold.load import load_dates
from assets.silver.snapshot import Snapshot
from lake.store import Lake
from orchestration.resources.kusto import Kusto

if __name__ == "__main__":
    root, uri, database, snapshot, *dates = sys.argv[1:]
    kusto = Kusto(uri, database, ingest_timeout_seconds=60)
    load_dates(Lake(root), kusto, Snapshot(**json.loads(snapshot)), [date.fromisoformat(day) for day in dates])
